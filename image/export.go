package image

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// Export writes the whole file system of an image to w as a tar stream, like docker build --output type=tar. The stream
// has what a container would begin with, with owners, modes, times, links, devices and capabilities, and nothing of the
// configuration. Names are relative, and sorted in each directory. After an error w has a part of the stream.
//
// Errors: ErrNotFound when there is no such image; ErrAmbiguous when several ids have the prefix; ErrInvalidReference
// when ref is not valid; those of w.
func (s *Store) Export(ctx context.Context, w io.Writer, ref string) error {
	body, err := s.c.Body(ctx, api.ImageExport, api.Ref{Ref: ref})
	if err != nil {
		return err
	}
	defer body.Close()
	return s.receive(ctx, "export image "+ref, body, w)
}
