package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Pause freezes all processes of the container: they get no processor until Resume, and don't notice. Kill with
// SIGKILL, Stop and Remove with Force wake it up to end it; other signals wait for Resume.
//
// Errors: ErrNotFound, ErrNotRunning, ErrPaused (it is already), ErrUnsupported (the host lets this user make no
// cgroup).
func (c *Container) Pause(ctx context.Context) error {
	return c.c.Do(ctx, api.ContainerPause.Of(c.id), nil, nil)
}

// Resume lets a paused container go on.
//
// Errors: ErrNotFound, ErrNotRunning, ErrNotPaused.
func (c *Container) Resume(ctx context.Context) error {
	return c.c.Do(ctx, api.ContainerResume.Of(c.id), nil, nil)
}
