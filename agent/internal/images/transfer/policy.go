package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.podman.io/image/v5/signature"
	"go.podman.io/storage/pkg/configfile"

	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
)

const acceptAnything = `{"default":[{"type":"insecureAcceptAnything"}]}`

// policy judges images by their signatures.
type policy struct {
	*signature.PolicyContext
	path string // of the file; empty when there is none
}

// findPolicy reads the user's signature policy, else the system's, as signature.DefaultPolicy does, which does not say
// where it found it. text is nil when there is none.
func findPolicy() (path string, text []byte, err error) {
	for item, err := range configfile.Read(&configfile.File{
		Name: "policy", Extension: "json", DoNotLoadDropInFiles: true, EnvironmentName: "CONTAINERS_POLICY_JSON",
	}) {
		if err != nil {
			return "", nil, api.Errorf(api.ErrPolicy, "signature policy: %w", err)
		}
		path = item.Name
		if text, err = io.ReadAll(item.Reader); err != nil {
			return "", nil, api.Errorf(api.ErrPolicy, "signature policy %s: %w", path, err)
		}
	}
	return path, text, nil
}

// policyContext is the signature policy, or one that accepts everything where there is none.
func policyContext() (*policy, error) {
	path, text, err := findPolicy()
	if err != nil {
		return nil, err
	}
	if text == nil {
		text = []byte(acceptAnything)
	}
	p, err := signature.NewPolicyFromBytes(text)
	if err != nil {
		return nil, api.Errorf(api.ErrPolicy, "signature policy %s: %w", path, err)
	}
	c, err := signature.NewPolicyContext(p)
	return &policy{c, path}, err
}

// explain names the policy where it is what refused an image.
func (p *policy) explain(ctx context.Context, what string, err error) error {
	explained := Explain(ctx, what, err)
	if errors.Is(explained, api.ErrPolicy) && rejected(err) {
		return api.Errorf(api.ErrPolicy, "%s: %w: the signature policy %s does not allow this image", what, err, p.path)
	}
	return explained
}

func rejected(err error) bool {
	var requirement signature.PolicyRequirementError
	var invalid signature.InvalidSignatureError
	return errors.As(err, &requirement) || errors.As(err, &invalid) || strings.Contains(err.Error(), "Source image rejected: ")
}

// anyPolicy accepts everything: what is in the store was judged when it came.
func anyPolicy() (*signature.PolicyContext, error) {
	p, err := signature.NewPolicyFromBytes([]byte(acceptAnything))
	if err != nil {
		return nil, err
	}
	return signature.NewPolicyContext(p)
}

// PolicyFile is the path of a signature policy for libraries that want a file; empty means the system's.
func (s *Service) PolicyFile() (string, error) {
	_, text, err := findPolicy()
	if err != nil || text != nil {
		return "", err
	}
	path := filepath.Join(s.images.Temp().Path, "policy.json")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		err := atomicfile.Write(path, []byte(acceptAnything), atomicfile.Options{TempDir: s.images.Temp().Path}) // goroutines may do this at once
		if err != nil {
			return "", fmt.Errorf("signature policy: %w", err)
		}
	}
	return path, nil
}
