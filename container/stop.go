package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// StopOptions tune Stop.
type StopOptions struct {
	// Signal that is sent first. Default: the container's stop signal.
	Signal string `json:"signal,omitempty"`
	// Timeout before SIGKILL. Default: the container's StopTimeout; below 0: wait without end.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Stop ends the container's process: its stop signal, a grace period, then SIGKILL. It returns when the process has
// ended. A container that does not run is no error, as in Docker.
//
// Errors: ErrNotFound, ErrInvalidArgument (signal).
func (c *Container) Stop(ctx context.Context, opts StopOptions) error {
	return c.c.Do(ctx, api.ContainerStop.Of(c.id), opts, nil)
}

// Kill sends a signal to the container's process, by name (SIGHUP, HUP) or number. Empty means SIGKILL. It does not
// wait.
//
// Errors: ErrNotFound, ErrNotRunning, ErrInvalidArgument (signal).
func (c *Container) Kill(ctx context.Context, signal string) error {
	return c.c.Do(ctx, api.ContainerKill.Of(c.id), api.KillRequest{Signal: signal}, nil)
}
