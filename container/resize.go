package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Resize sets the size of the terminal of the container, whoever is attached to it. The size is kept for the next start if
// the container does not run. A container without a terminal ignores it.
//
// Errors: ErrNotFound when the container is not there.
func (c *Container) Resize(ctx context.Context, size Size) error {
	return c.c.Do(ctx, api.ContainerResize.Of(c.id), size, nil)
}
