package container

import (
	"context"
	"io"

	"github.com/caisson-dev/caisson/internal/api"
)

// Export returns the whole file system of the container as a tar stream. Files in volumes and other mounts are left out.
// Each file is as it is when it is read. The caller closes the stream. The stream ends with io.EOF only if it is
// complete.
//
// Errors: ErrNotFound when the container is not there.
func (c *Container) Export(ctx context.Context) (io.ReadCloser, error) {
	body, err := c.c.Body(ctx, api.ContainerExport.Of(c.id), nil)
	if err != nil {
		return nil, err
	}
	return &frameBody{ctx: ctx, c: c.c, body: body, fr: api.NewFrameReader(body)}, nil
}
