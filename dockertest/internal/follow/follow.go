// Package follow copies the log of a container to writers, as it comes.
//
// It reads the log and writes to what it is given. It neither starts nor ends the container.
package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// Copies are the copies of one container's log. The zero value has none. It is safe for concurrent use.
type Copies struct {
	running sync.WaitGroup

	mu   sync.Mutex
	stop []context.CancelFunc
	errs []error // why copies are not whole
}

// Follow copies what the container writes from since on, until its process ends. Each line has the container's name before
// it.
func (c *Copies) Follow(ctr *container.Container, since time.Time, writers []io.Writer) {
	ctx, stop := context.WithCancel(context.Background())
	c.mu.Lock()
	c.stop = append(c.stop, stop)
	c.mu.Unlock()
	for _, w := range writers {
		c.running.Go(func() {
			if err := copyLog(ctx, ctr, w, since); err != nil && ctx.Err() == nil {
				c.mu.Lock()
				c.errs = append(c.errs, fmt.Errorf("option Logs: the copy is not whole: %w", err))
				c.mu.Unlock()
			}
		})
	}
}

// copyLog copies lines, and says in the copy when the log can't be read to its end.
func copyLog(ctx context.Context, ctr *container.Container, w io.Writer, since time.Time) error {
	for e, err := range ctr.LogEntries(ctx, container.LogsOptions{Follow: true, Since: since}) {
		if err != nil {
			if ctx.Err() == nil {
				_, werr := fmt.Fprintf(w, "%s | (the rest of the log is missing: %v)\n", ctr.Name(), err)
				err = errors.Join(err, werr)
			}
			return err
		}
		if _, err := fmt.Fprintf(w, "%s | %s\n", ctr.Name(), e.Line); err != nil {
			return writerError{err}
		}
	}
	return nil
}

// writerError is the fault of who gave the writer: it keeps nothing from working.
type writerError struct{ error }

func (e writerError) Unwrap() error { return e.error }

// Errors are what kept the copies from being whole: errors of the log, and those of the writers.
func (c *Copies) Errors() (log, writers error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range c.errs {
		if errors.As(err, new(writerError)) {
			writers = errors.Join(writers, err)
		} else {
			log = errors.Join(log, err)
		}
	}
	return log, writers
}

// Wait waits until all copies have ended.
func (c *Copies) Wait() { c.running.Wait() }

// WaitFor is Wait for d at most: a writer may be slow.
func (c *Copies) WaitFor(d time.Duration) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.running.Wait()
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// Stop ends the copies of a log that goes on.
func (c *Copies) Stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, stop := range c.stop {
		stop()
	}
	c.stop = nil
}
