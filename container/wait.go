package container

import (
	"context"
	"errors"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
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
	err := c.c.Do(ctx, api.ContainerWait.Of(c.id), nil, &st)
	return st, err
}

// WaitRemoved waits until the container is removed, by whichever process. One that is not there answers at once.
//
// Errors: context.Canceled and context.DeadlineExceeded.
func (c *Container) WaitRemoved(ctx context.Context) error {
	begin := time.Now()
	_, err := c.Inspect(ctx)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	e := &Engine{c: c.c}
	for _, err := range e.Events(ctx, EventsOptions{Since: begin, Container: c.id, Actions: []EventAction{EventDestroy}}) {
		return err
	}
	return context.Cause(ctx)
}
