package image

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// ImportOptions say what image to make of a root file system.
type ImportOptions struct {
	// Tags are the image's names. Default: none.
	Tags []string `json:"tags,omitempty"`
	// Changes are instructions of a Dockerfile that make the image's configuration: CMD, ENTRYPOINT, ENV, EXPOSE,
	// HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR. Default: the configuration is empty.
	Changes []string `json:"changes,omitempty"`
	// Message is the comment of the image's history.
	Message string `json:"message,omitempty"`
	// Platform that the image says it is for, as linux/arm64 or linux/arm/v7. Default: linux and the host's architecture.
	Platform string `json:"platform,omitempty"`
}

// Import makes an image of one layer from the tar stream of a root file system, as Container.Export, docker export,
// debootstrap and tar write it; gzip'd, zstd'd, or compressed by bzip2 or xz, or not at all. Names and links in it that
// lead out of its root are taken as within.
//
// Errors: ErrInvalidArgument (Changes, Platform), ErrInvalidReference (Tags), ErrCorrupt for a stream that is broken, is
// no tar or has a name twice.
func (s *Store) Import(ctx context.Context, r io.Reader, opts ImportOptions) (*Image, error) {
	var img Image
	if err := s.c.Stream(ctx, api.ImageImport, opts, r, nil, &img); err != nil {
		return nil, err
	}
	return &img, nil
}
