package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Pause stops all processes of the container: they get no processor time until Resume, and do not notice. Kill with
// SIGKILL, Stop, and Remove with Force end a paused container; other signals wait for Resume.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run; ErrPaused when it is paused
// already; ErrUnsupported when this user can't make a cgroup on the host.
func (c *Container) Pause(ctx context.Context) error {
	return c.c.Do(ctx, api.ContainerPause.Of(c.id), nil, nil)
}

// Resume lets a paused container go on.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run; ErrNotPaused when it is not
// paused.
func (c *Container) Resume(ctx context.Context) error {
	return c.c.Do(ctx, api.ContainerResume.Of(c.id), nil, nil)
}
