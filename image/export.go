package image

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// Export writes an image's whole file system to w as a tar stream, as docker build --output type=tar does: what a
// container would begin with, with owners, modes, times, links, devices and capabilities, and nothing of the image's
// configuration. Names are relative, and sorted in each directory. When it fails w has a part of it.
//
// Errors: ErrNotFound, ErrAmbiguous, ErrInvalidReference; those of w.
func (s *Store) Export(ctx context.Context, w io.Writer, ref string) error {
	body, err := s.c.Body(ctx, api.ImageExport, api.Ref{Ref: ref})
	if err != nil {
		return err
	}
	defer body.Close()
	return s.receive(ctx, "export image "+ref, body, w)
}
