package image

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// LoadOptions tune Load.
type LoadOptions struct {
	// Progress is called as bytes are read, from one goroutine at a time. Default: none.
	Progress func(Progress) `json:"-"`
}

// Load reads the images of an archive that Save, docker save, podman save or skopeo has written, in either format. The
// archive may be compressed by gzip, zstd, bzip2 or xz. The images get the names that the archive has for them, and are
// returned with those names alone. What is not an image, such as an attestation or a signature beside the images of an OCI
// layout, is left out.
//
// Errors: ErrInvalidArgument when it is not such an archive; ErrCorrupt when it is damaged or hostile; ErrDigestMismatch
// when a part does not have its digest; ErrPolicy when the signature policy rejects an image; ErrNoSpace when the disk
// is full; those of r.
func (s *Store) Load(ctx context.Context, r io.Reader, opts LoadOptions) ([]Image, error) {
	var imgs []Image
	err := s.c.Stream(ctx, api.ImageLoad, opts, r, progressTo(opts.Progress), &imgs)
	return imgs, err
}
