package dockertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/timeline"
)

// Start starts a container that was stopped or has ended, and waits until it is ready again. Published ports are
// others then: ask Addr again.
//
// Errors: those of container.Container.Start, and *ReadyError.
func (f *Fixture) Start(ctx context.Context) error {
	f.times.Begin()
	f.begins(time.Now())
	if err := f.Container.Start(ctx); err != nil {
		return err
	}
	f.times.Mark("start")
	return f.await(ctx)
}

// Restart is Stop and Start.
//
// Errors: those of both.
func (f *Fixture) Restart(ctx context.Context, opts container.StopOptions) error {
	if err := f.Stop(ctx, opts); err != nil {
		return err
	}
	return f.Start(ctx)
}

// WaitFor waits for something more than what made the container ready.
//
// Errors: *ReadyError; container.ErrInvalidArgument for a Wait that can't be.
func (f *Fixture) WaitFor(ctx context.Context, w Wait) error {
	if err := errors.Join(w.errs(f.settings.ports)...); err != nil {
		return fmt.Errorf("%w: %w", container.ErrInvalidArgument, err)
	}
	return f.waitFor(ctx, w)
}

// Close removes the container, with its data, or gives it back when it has Reuse. A second Close does nothing.
//
// Errors: those of container.Container.Remove, without ErrNotFound; that option Logs could not copy all of the log.
func (f *Fixture) Close() error {
	f.mu.Lock()
	closed := f.closed
	f.closed = true
	f.mu.Unlock()
	if closed {
		return nil
	}
	ctx, cancel := f.own()
	defer cancel()
	if f.release != nil {
		defer f.release()
		if !f.unready {
			f.closeForwards()
			f.copies.Stop()
			f.note(timeline.Ended, "", nil)
			return f.settings.end()
		}
	}
	var errs []error
	if f.settings.graceful {
		errs = append(errs, f.Stop(ctx, container.StopOptions{}))
	}
	f.copyAll(ctx)
	log := f.logForReport(ctx)
	errs = append(errs, f.Remove(ctx, container.RemoveOptions{Force: true}))
	errs = append(errs, f.settings.end())
	f.closeForwards()
	f.copies.Wait()
	f.copies.Stop()
	copied, _ := f.copies.Errors()
	errs = append(errs, copied)
	f.note(timeline.Ended, log, nil)
	for i, err := range errs {
		if errors.Is(err, container.ErrNotFound) {
			errs[i] = nil
		}
	}
	return errors.Join(errs...)
}

// isClosed says whether Close was called.
func (f *Fixture) isClosed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closed
}

// slowWriter is how long the removal waits for the writers of option Logs.
const slowWriter = 10 * time.Second

// copyAll ends the process, when there are copies of its log, and lets them come to the log's end: a copy that has not
// begun when the container is removed has nothing to read. A slow writer's goes on beside the removal.
func (f *Fixture) copyAll(ctx context.Context) {
	if len(f.settings.logs) == 0 {
		return
	}
	_, _ = f.Kill(ctx, ""), f.Resume(ctx) // one that has ended, or is gone: the removal tells what is wrong
	f.copies.WaitFor(slowWriter)
}
