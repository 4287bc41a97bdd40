package container

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// Export reads the container's whole file system as a tar stream, as it is at the moment each file is read; without
// what volumes and other mounts hold. The caller closes the stream; its end is io.EOF only if it is complete.
//
// Errors: ErrNotFound.
func (c *Container) Export(ctx context.Context) (io.ReadCloser, error) {
	body, err := c.c.Body(ctx, api.ContainerExport.Of(c.id), nil)
	if err != nil {
		return nil, err
	}
	return &frameBody{ctx: ctx, c: c.c, body: body, fr: api.NewFrameReader(body)}, nil
}
