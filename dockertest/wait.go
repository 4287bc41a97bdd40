package dockertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// DefaultTimeout is how long a container may take to be ready.
const DefaultTimeout = time.Minute

// Wait is something that shows that a container is ready. Given to Run it replaces the default, that every declared
// port accepts connections; several are waited for at the same time, as All. None needs a shell or any other program
// in the image, but WaitExec the command that it runs.
//
// A container that ends fails the wait at once.
type Wait struct {
	what    string // as the end of "waiting for …"
	hold    func(ctx context.Context, p *probe) error
	parts   []Wait // of All and Any
	timeout time.Duration
	every   time.Duration
	times   int
	err     error // what is wrong with its arguments
}

// probe is the container that is waited for.
type probe struct {
	*Container
	exited <-chan struct{} // closed when its process has ended for good
	status *container.Status
	wait   *Wait
}

func (w Wait) apply(s *settings) { s.waits = append(s.waits, w) }

// String says what is waited for.
func (w Wait) String() string { return w.what }

// Within sets the time-out. Default: that of the All or Any which it is part of, else DefaultTimeout. A test's own
// deadline (go test -timeout) ends the wait before the test binary is killed.
func (w Wait) Within(d time.Duration) Wait {
	w.timeout = d
	return w
}

// Every sets the interval between tries. Default: 1 ms at first, then longer and longer up to 100 ms.
func (w Wait) Every(d time.Duration) Wait {
	w.every = d
	return w
}

// Times wants it so often: n lines of the log for WaitLog and WaitLogMatch, n tries in a row for all others.
func (w Wait) Times(n int) Wait {
	w.times = n
	return w
}

func (w Wait) errs() []error {
	var errs []error
	if w.err != nil {
		errs = append(errs, fmt.Errorf("wait for %s: %w", w.what, w.err))
	}
	for _, p := range w.parts {
		errs = append(errs, p.errs()...)
	}
	return errs
}

// WaitFunc waits until f returns nil. The context ends with the wait.
func WaitFunc(what string, f func(ctx context.Context, c *Container) error) Wait {
	return Wait{what: what, hold: func(ctx context.Context, p *probe) error {
		return p.poll(ctx, func(ctx context.Context) error { return f(ctx, p.Container) })
	}}
}

// All waits for all of them, at the same time.
func All(waits ...Wait) Wait {
	return Wait{what: join(waits, " and "), parts: waits, hold: func(ctx context.Context, p *probe) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var first error
		for err := range p.each(ctx, waits) {
			if err != nil && first == nil {
				first = err
				cancel()
			}
		}
		return first
	}}
}

// Any waits for the first of them.
func Any(waits ...Wait) Wait {
	w := Wait{what: join(waits, " or "), parts: waits, hold: func(ctx context.Context, p *probe) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		var errs []error
		for err := range p.each(ctx, waits) {
			if err == nil {
				cancel()
			}
			errs = append(errs, err)
		}
		for _, err := range errs {
			if err == nil {
				return nil
			}
		}
		return errors.Join(errs...)
	}}
	if len(waits) == 0 {
		w.what, w.err = "any of none", errors.New("Any of nothing never holds")
	}
	return w
}

func join(waits []Wait, by string) string {
	var names []string
	for _, w := range waits {
		names = append(names, w.what)
	}
	return strings.Join(names, by)
}

// each waits for the parts and yields how each went, when it is over.
func (p *probe) each(ctx context.Context, waits []Wait) <-chan error {
	done := make(chan error)
	left := make(chan struct{}, len(waits))
	for _, w := range waits {
		go func() {
			done <- w.do(ctx, p)
			if left <- struct{}{}; len(left) == cap(left) {
				close(done)
			}
		}()
	}
	if len(waits) == 0 {
		close(done)
	}
	return done
}

// errTimeout is the cause of a wait's end by its time-out.
var errTimeout = errors.New("timed out")

// bounded is the key of a context that has a wait's time-out.
type bounded struct{}

// do waits, within the time-out. What the last try said comes with the error.
func (w Wait) do(ctx context.Context, p *probe) error {
	if w.hold == nil {
		return nil
	}
	d := w.timeout
	if d == 0 && ctx.Value(bounded{}) == nil && len(w.parts) == 0 {
		d = DefaultTimeout
	}
	if d > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(context.WithValue(ctx, bounded{}, true), d, fmt.Errorf("%w after %v", errTimeout, d))
		defer cancel()
	}
	part := *p
	part.wait = &w
	err := w.hold(ctx, &part)
	if err != nil && !errors.Is(err, errExited) && len(w.parts) == 0 {
		err = fmt.Errorf("%s: %w", w.what, err)
	}
	return err
}
