package container

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Process describes a process of a container.
type Process struct {
	PID       int    `json:"pid"`       // in the container
	ParentPID int    `json:"parentPID"` // in the container; 0 for its first process and for those of Command
	HostPID   int    `json:"hostPID"`
	User      string `json:"user"` // the name in /etc/passwd of the container, or the number
	// State is the kernel's letter: R running, S sleeping, D waiting for a device, T stopped, Z ended and not reaped.
	State   string        `json:"state"`
	Started time.Time     `json:"started"`
	CPU     time.Duration `json:"cpu"`    // processor time used
	Memory  int64         `json:"memory"` // resident, in bytes
	Threads int           `json:"threads"`
	TTY     bool          `json:"tty,omitempty"` // whether it has a terminal
	// Command is the program and its arguments, which a process can change. For a kernel thread and for a process that
	// has ended it is the short name in brackets.
	Command []string `json:"command"`
}

// Top lists the processes of the running container, sorted by PID. The image needs no ps for it.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run.
func (c *Container) Top(ctx context.Context) ([]Process, error) {
	var out []Process
	err := c.c.Do(ctx, api.ContainerTop.Of(c.id), nil, &out)
	return out, err
}
