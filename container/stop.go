package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// StopOptions tune Stop.
type StopOptions struct {
	// Signal is sent first. Default: Options.Lifecycle.StopSignal of the container.
	Signal string `json:"signal,omitempty"`
	// Timeout is the time until SIGKILL. Below 0 means no SIGKILL. To end the process at once, use Kill. Default:
	// Options.Lifecycle.StopTimeout of the container.
	Timeout time.Duration `json:"timeout,omitempty"`
}

// Stop ends the container's process: it sends the stop signal, waits, and then sends SIGKILL. It returns when the
// process has ended. A container that does not run is not an error. When ctx ends, Stop returns and the stop goes on: SIGKILL
// still follows after the timeout.
//
// Errors: ErrNotFound when the container is not there; ErrInvalidArgument when the signal is not valid.
func (c *Container) Stop(ctx context.Context, opts StopOptions) error {
	return c.c.Do(ctx, api.ContainerStop.Of(c.id), opts, nil)
}

// Kill sends a signal to the container's process and does not wait. The signal is a name such as SIGHUP or HUP, or a
// number; empty means SIGKILL.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run; ErrInvalidArgument when the
// signal is not valid.
func (c *Container) Kill(ctx context.Context, signal string) error {
	return c.c.Do(ctx, api.ContainerKill.Of(c.id), api.KillRequest{Signal: signal}, nil)
}
