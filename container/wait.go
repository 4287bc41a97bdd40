package container

import (
	"context"
	"errors"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Wait waits until the container's process has ended and returns its State, which says how. A container that has ended before answers at
// once; one that was never started is waited for. An exit code other than 0 is no error.
//
// Errors: ErrNotFound; context.Canceled and context.DeadlineExceeded.
func (c *Container) Wait(ctx context.Context) (State, error) {
	var st State
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
