package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// RestartPolicy says when a process that has ended is started again. The first restart comes after 100 ms, and each
// further one after twice the time, up to a minute. After a run of ten seconds it begins with 100 ms again. The policy
// holds while the agent of the container lives: as long as the process that made the container, or for a detached
// container until the machine goes down. Stop, and Kill with SIGKILL or the stop signal, suspend the policy until the
// next Start.
type RestartPolicy struct {
	// Mode says after which ends the process is started again. Default: RestartNo.
	Mode RestartMode `json:"mode,omitempty"`
	// MaxRetries is how often RestartOnFailure starts the process again. Default: no bound.
	MaxRetries int `json:"maxRetries,omitempty"`
}

// RestartMode says after which ends a process is started again.
type RestartMode string

// The restart modes.
const (
	RestartNo            RestartMode = "no"
	RestartOnFailure     RestartMode = "on-failure"     // when the exit code is not 0
	RestartAlways        RestartMode = "always"         // whatever the exit code
	RestartUnlessStopped RestartMode = "unless-stopped" // the same as always, because nothing starts containers again after a restart of the machine
)

// Restart stops the container, if it runs, and starts it.
//
// Errors: those of Stop and of Start.
func (c *Container) Restart(ctx context.Context, opts StopOptions) error {
	return c.c.Do(ctx, api.ContainerRestart.Of(c.id), opts, nil)
}
