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

// WaitNext waits until a run of the container has ended that is not the one that last describes, and returns its State. The
// zero State means the first run. With the State of Inspect, it waits for the run that is now, or the next if there is
// none: a Start that comes after the Inspect is not missed, however short its run is. A restart by the restart policy is not an
// end.
//
// Errors: ErrNotFound when the container is not there, or is removed while it does not run.
func (c *Container) WaitNext(ctx context.Context, last State) (State, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := time.Now()
	info, err := c.Inspect(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return State{}, err
	}
	if err != nil || !known(info.State, last) { // one that AutoRemove has removed is remembered
		return c.waitPast(ctx, last)
	}
	e := &Engine{c: c.c}
	for ev, err := range e.Events(ctx, EventsOptions{Since: begin, Container: c.id, Actions: []EventAction{EventStart, EventDie, EventDestroy}}) {
		switch {
		case err != nil:
			return State{}, err
		case ev.Action == EventDestroy:
			return State{}, c.removed()
		}
		return c.waitPast(ctx, last)
	}
	return State{}, api.Ended(ctx)
}

// known says whether a state is the end of the run that last describes, or of an earlier one.
func known(st, last State) bool { return !st.Finished.IsZero() && !st.Finished.After(last.Finished) }

// waitPast is Wait. What is remembered of a container that was removed may be no more than the run that last describes.
func (c *Container) waitPast(ctx context.Context, last State) (State, error) {
	st, err := c.Wait(ctx)
	if err == nil && known(st, last) {
		return State{}, c.removed()
	}
	return st, err
}

func (c *Container) removed() error {
	return api.Errorf(ErrNotFound, "container %s: it was removed", c.id)
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
