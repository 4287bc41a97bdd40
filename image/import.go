package image

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// ImportOptions say what image to make of a root file system.
type ImportOptions struct {
	// Tags are the names that the image gets. Default: none.
	Tags []string `json:"tags,omitempty"`
	// Changes are Dockerfile instructions that make the configuration of the image: CMD, ENTRYPOINT, ENV, EXPOSE,
	// HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME and WORKDIR. Default: the configuration is empty.
	Changes []string `json:"changes,omitempty"`
	// Message is the comment in the history of the image. Default: none.
	Message string `json:"message,omitempty"`
	// Platform is what the image says that it is for, such as linux/arm64 or linux/arm/v7. Default: linux and the
	// architecture of the host.
	Platform string `json:"platform,omitempty"`
}

// Import makes an image of one layer from a tar stream of a root file system. Container.Export, docker export, debootstrap
// and tar make such streams. The stream may be compressed by gzip, zstd, bzip2 or xz. A name or a link that leads out of the
// root is taken as inside it.
//
// Errors: ErrInvalidArgument when one of Changes or the Platform is not valid; ErrInvalidReference when one of Tags is
// not valid; ErrCorrupt when the stream is damaged, is not a tar stream or has a name twice; ErrNoSpace when the disk is
// full; those of r.
func (s *Store) Import(ctx context.Context, r io.Reader, opts ImportOptions) (*Image, error) {
	var img Image
	if err := s.c.Stream(ctx, api.ImageImport, opts, r, nil, &img); err != nil {
		return nil, err
	}
	return &img, nil
}
