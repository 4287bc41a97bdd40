package dockertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// follow copies the log of this run to the writers of option Logs, until the container's process ends.
func (f *Fixture) follow() {
	ctx, stop := context.WithCancel(context.Background())
	f.mu.Lock()
	f.unfollow = append(f.unfollow, stop)
	f.mu.Unlock()
	since := f.begun()
	if since.Before(f.logsFrom) {
		since = f.logsFrom
	}
	for _, w := range f.settings.logs {
		f.followers.Go(func() {
			if err := f.copyLog(ctx, w, since); err != nil && ctx.Err() == nil {
				f.mu.Lock()
				f.copying = append(f.copying, fmt.Errorf("option Logs: the copy is not whole: %w", err))
				f.mu.Unlock()
			}
		})
	}
}

// copyLog copies lines, and says in the copy when the log can't be read to its end.
func (f *Fixture) copyLog(ctx context.Context, w io.Writer, since time.Time) error {
	for e, err := range f.LogEntries(ctx, container.LogsOptions{Follow: true, Since: since}) {
		if err != nil {
			if ctx.Err() == nil {
				_, werr := fmt.Fprintf(w, "%s | (the rest of the log is missing: %v)\n", f.Name(), err)
				err = errors.Join(err, werr)
			}
			return err
		}
		if _, err := fmt.Fprintf(w, "%s | %s\n", f.Name(), e.Line); err != nil {
			return writerError{err}
		}
	}
	return nil
}

// writerError is the fault of who gave the writer: it keeps nothing from working.
type writerError struct{ error }

func (e writerError) Unwrap() error { return e.error }

// copied are what kept the copies from being whole: errors of the log, and those of the writers.
func (f *Fixture) copied() (log, writers error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, err := range f.copying {
		if errors.As(err, new(writerError)) {
			writers = errors.Join(writers, err)
		} else {
			log = errors.Join(log, err)
		}
	}
	return log, writers
}

// copyAll ends the process, when there are copies of its log, and lets them come to the log's end: a copy that has not
// begun when the container is removed has nothing to read.
func (f *Fixture) copyAll(ctx context.Context) {
	if len(f.settings.logs) == 0 {
		return
	}
	_, _ = f.Kill(ctx, ""), f.Resume(ctx) // one that has ended, or is gone: the removal tells what is wrong
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.followers.Wait()
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second): // a slow writer: the copy goes on beside the removal
	}
}

// stopFollowing ends the copies of a log that goes on.
func (f *Fixture) stopFollowing() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, stop := range f.unfollow {
		stop()
	}
	f.unfollow = nil
}
