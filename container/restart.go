package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// RestartPolicy says when a process that has ended is started again: after 100 ms, then after twice as long each time,
// up to a minute; a run of ten seconds begins with 100 ms again. It holds for as long as the container's agent lives:
// that is as long as its owner, or for a detached container until the machine goes down. Stop, and Kill with SIGKILL or
// the stop signal, end it until the next Start.
type RestartPolicy struct {
	// Mode. Default: RestartNo.
	Mode RestartMode `json:"mode,omitempty"`
	// MaxRetries bounds RestartOnFailure. Default: no bound.
	MaxRetries int `json:"maxRetries,omitempty"`
}

// RestartMode is the kind of a RestartPolicy.
type RestartMode string

// The restart modes.
const (
	RestartNo            RestartMode = "no"
	RestartOnFailure     RestartMode = "on-failure"     // when the exit code is not 0
	RestartAlways        RestartMode = "always"         // whatever the exit code
	RestartUnlessStopped RestartMode = "unless-stopped" // the same: no agent outlives the machine's restart
)

// Restart is Stop and Start. A container that does not run is started.
//
// Errors: those of Stop and of Start.
func (c *Container) Restart(ctx context.Context, opts StopOptions) error {
	return c.c.Do(ctx, api.ContainerRestart.Of(c.id), opts, nil)
}
