//go:build linux

package builds

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// base has an image in the store that stages begin with or take files from.
func (b *build) base(ctx context.Context, need dockerfile.Need) (*dockerfile.Base, error) {
	key := need
	key.Begins, key.Line = false, 0
	if base := b.bases[key]; base != nil {
		return base, nil
	}
	opts := image.PullOptions{Policy: cmp.Or(b.req.Pull, image.PullMissing), Transport: b.req.Transport, Platform: cmp.Or(need.Platform, b.req.Platform)}
	img, err := b.s.transfers.EnsureBase(ctx, need.Ref, opts, b.out.pulling(need.Ref))
	if err != nil {
		switch {
		case b.req.From != "":
			return nil, fmt.Errorf("build: image %s: %w", need.Ref, err)
		case need.Context != "":
			return nil, fmt.Errorf("build: %s:%d: context %s: %w", b.file, need.Line, need.Context, err)
		case !need.Begins:
			return nil, fmt.Errorf("build: %s:%d: %s, which no stage before is named: %w", b.file, need.Line, need.Ref, err)
		}
		return nil, fmt.Errorf("build: %s:%d: base image %s: %w", b.file, need.Line, need.Ref, err)
	}
	config, err := b.s.images.Docker(ctx, img.ID)
	if err != nil {
		return nil, fmt.Errorf("build: base image %s: %w", need.Ref, err)
	}
	base := &dockerfile.Base{ID: img.ID, Layer: img.TopLayer, Config: config}
	b.bases[key] = base
	return base, nil
}

// imageID is how an image's id may be written.
var imageID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(sha256:)?[0-9a-f]+$`) })

// checkName tells what is wrong with the name of an image.
func checkName(name string) error {
	if imageID().MatchString(name) {
		return nil
	}
	_, err := images.Normalize(name)
	return err
}

func hostPlatform() v1.Platform { return platforms.DefaultSpec() }

func checkPlatform(p string) error {
	if p == "" {
		return nil
	}
	if parts := strings.Split(p, "/"); len(parts) < 2 || len(parts) > 3 || slices.Contains(parts, "") {
		return api.Errorf(api.ErrInvalidArgument, "platform %q: write it as os/arch or os/arch/variant, such as linux/arm64", p)
	}
	if _, err := platforms.Parse(p); err != nil {
		return api.Errorf(api.ErrInvalidArgument, "platform %q: %w: write it as os/arch or os/arch/variant, such as linux/arm64", p, err)
	}
	return nil
}

// proxies are this process's, which steps have, too.
func proxies() []string {
	var out []string
	for _, name := range []string{"http_proxy", "https_proxy", "ftp_proxy", "no_proxy"} {
		for _, n := range []string{name, strings.ToUpper(name)} {
			if v, ok := os.LookupEnv(n); ok {
				out = append(out, n+"="+v)
			}
		}
	}
	return out
}
