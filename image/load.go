package image

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// LoadOptions tune Load.
type LoadOptions struct {
	// Progress is called as bytes move, from one goroutine.
	Progress func(Progress) `json:"-"`
}

// Load reads images of an archive that Save, docker save, podman save or skopeo wrote, in either format, gzip'd,
// zstd'd, or compressed by bzip2 or xz, or not at all. The images have the names that the archive gives them.
//
// Errors: ErrCorrupt, ErrDigestMismatch, ErrInvalidArgument for an archive that is neither or is hostile; ErrPolicy, ErrNoSpace.
func (s *Store) Load(ctx context.Context, r io.Reader, opts LoadOptions) ([]Image, error) {
	var imgs []Image
	err := s.c.Stream(ctx, api.ImageLoad, opts, r, progressTo(opts.Progress), &imgs)
	return imgs, err
}
