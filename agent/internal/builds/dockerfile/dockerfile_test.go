package dockerfile

import (
	"context"
	"errors"

	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// defaultPlatform is of tests.
var defaultPlatform = ocispec.Platform{OS: "linux", Architecture: "amd64"}

// plan reads a text; every image is there and empty.
func plan(text string, opts Options) (*Plan, error) {
	if opts.Name == "" {
		opts.Name = "Dockerfile"
	}
	if opts.Host.OS == "" {
		opts.Host = ocispec.Platform{OS: "linux", Architecture: "amd64"}
	}
	if opts.Base == nil {
		opts.Base = func(_ context.Context, need Need) (*Base, error) {
			p := opts.Host
			if need.Platform != "" {
				p = platforms.MustParse(need.Platform)
			}
			return &Base{ID: need.Ref, Layer: need.Ref, Config: empty(p)}, nil
		}
	}
	if opts.CheckName == nil {
		opts.CheckName = func(name string) error {
			if name == "Upper" || name == "base:" {
				return errors.New("invalid name")
			}
			return nil
		}
	}
	return Read(context.Background(), []byte(text), opts)
}
