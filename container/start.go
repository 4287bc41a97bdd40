package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Start starts the container's process and returns when it runs. A container that has ended can be started again.
//
// Errors: ErrRunning when it runs already; ErrNotFound when the container, or a network or namespace that it joins, is
// not there; ErrCommandNotFound and ErrNotExecutable for its command; ErrPortInUse when a port can't be published;
// ErrInvalidArgument when the image does not have the user or the group.
func (c *Container) Start(ctx context.Context) error {
	return c.c.Do(ctx, api.ContainerStart.Of(c.id), nil, nil)
}
