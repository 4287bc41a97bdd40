package registry

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func platformString(p *ocispec.Platform) string {
	if p == nil {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// checkPlatform checks the option Platform, which may be empty.
func checkPlatform(p string) error {
	parts := strings.Split(p, "/")
	if p == "" || (len(parts) == 2 || len(parts) == 3) && !slices.Contains(parts, "") {
		return nil
	}
	return fmt.Errorf("%w: Platform %q: it must be OS/ARCHITECTURE[/VARIANT], such as linux/arm64", ErrInvalidArgument, p)
}

// choosePlatform finds OS/ARCHITECTURE[/VARIANT]: exactly, or any variant when none is asked for, or for arm64 the
// one without, which means v8 (OCI image spec, "platform variants").
func choosePlatform(list []Descriptor, want string) (digest.Digest, error) {
	for _, match := range []func(have string) bool{
		func(have string) bool { return have == want },
		func(have string) bool { return strings.HasPrefix(have, want+"/") },
		func(have string) bool { return want == have+"/v8" && strings.HasSuffix(have, "/arm64") },
	} {
		for _, d := range list {
			if match(d.Platform) {
				return digest.Digest(d.Digest), nil
			}
		}
	}
	var have []string
	for _, d := range list {
		if d.Platform != "" {
			have = append(have, d.Platform)
		}
	}
	return "", fmt.Errorf("%w: %s: the platforms are %s", ErrNoPlatform, want, strings.Join(have, ", "))
}
