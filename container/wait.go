package container

import (
	"context"
	"net/http"
	"time"
)

// Status says how a container's process ended.
type Status struct {
	// Code is the exit code; 128 + the signal's number when a signal ended the process, as in a shell.
	Code int `json:"code"`
	// Signal is the signal's name, as SIGKILL; empty when the process exited.
	Signal string `json:"signal,omitempty"`
	// OOMKilled: the kernel killed a process of the container because its memory limit was reached.
	OOMKilled bool `json:"oomKilled,omitempty"`
	// Error is why the container could not be started, or was ended from outside.
	Error    string    `json:"error,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
}

// Wait waits until the container's process has ended and returns how. A container that has ended before answers at
// once; one that was never started is waited for. An exit code other than 0 is no error.
//
// Errors: ErrNotFound; context.Canceled and context.DeadlineExceeded.
func (c *Container) Wait(ctx context.Context) (Status, error) {
	var st Status
	err := c.c.Do(ctx, http.MethodPost, c.path("wait"), nil, &st)
	return st, err
}
