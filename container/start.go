package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Start starts the container's process and returns when it runs.
//
// Errors: ErrRunning, ErrNotFound, ErrCommandNotFound, ErrNotExecutable, ErrInvalidArgument (a user or working
// directory that the image does not have).
func (c *Container) Start(ctx context.Context) error {
	return c.c.Do(ctx, api.ContainerStart.Of(c.id), nil, nil)
}
