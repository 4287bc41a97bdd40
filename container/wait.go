package container

import (
	"context"
	"errors"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Wait waits until the container's process has ended, and returns the State, which has the exit code. If it has ended
// before, Wait returns at once. If it was never started, Wait waits for that too. A restart by the restart policy is not
// an end. An exit code other than 0 is not an error.
//
// A Wait that has begun returns the State also if the container is removed meanwhile. For a container that
// Options.AutoRemove has removed, a later Wait still returns it, in the process that started the container and as long as
// that has the store open; the last 4096 are kept.
//
// Errors: ErrNotFound when the container is not there, or is removed before it was started.
func (c *Container) Wait(ctx context.Context) (State, error) {
	var st State
	err := c.c.Do(ctx, api.ContainerWait.Of(c.id), nil, &st)
	return st, err
}

// WaitRemoved waits until the container is removed, by this process or another. It returns at once if the container is
// not there.
//
// Errors: those that every function has.
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
	return api.Ended(ctx)
}
