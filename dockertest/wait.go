package dockertest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/wait"
)

// DefaultTimeout is how long a container may take to be ready, from the start of its process on. Pulls and builds do not
// count.
const DefaultTimeout = time.Minute

// Wait is something that shows that a container is ready. Given to Run it replaces the default, that every declared
// port accepts connections; several are waited for at the same time, like All. Only
// WaitExec needs a program in the image: the command that it runs.
//
// A container that ends fails the wait at once.
type Wait struct {
	what    string // as the end of "waiting for …"
	hold    func(ctx context.Context, p *probe) error
	parts   []Wait // of All and Any
	timeout time.Duration
	try     time.Duration // how long one may take; 0: by the time-out
	every   time.Duration
	times   int
	foreign bool  // a try calls a function of the user's
	ports   bool  // it needs one that Port declares
	err     error // what is wrong with its arguments
}

// probe is the container that is waited for.
type probe struct {
	*Fixture
	exited <-chan struct{} // closed when its process has ended for good
	status *container.State
	wait   *Wait
}

// tries are as the wait says.
func (p *probe) tries() wait.Poll {
	w := p.wait
	return wait.Poll{Times: w.times, Within: w.try, Every: w.every, Foreign: w.foreign, Exited: p.exited}
}

// poll tries f until it works.
func (p *probe) poll(ctx context.Context, f func(context.Context) error) error {
	return p.tries().Until(ctx, func(ctx context.Context, _ *wait.Attempt) error { return f(ctx) })
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

// TryWithin bounds a single try, such as a request or a command: a try that takes longer is given up, and the next
// begins. Default: a tenth of the time-out, at least 1 s and at most 10 s, doubled after each try that was given up. All and
// Any pass their bound to those of their parts that have none. Waits that make no tries, such as WaitLog, ignore it.
func (w Wait) TryWithin(d time.Duration) Wait {
	w.try = d
	return w
}

// Every sets the interval between tries. Default: 1 ms at first, then longer and longer up to 100 ms.
func (w Wait) Every(d time.Duration) Wait {
	w.every = d
	return w
}

// Times requires n successes: n lines of the log for WaitLog and WaitLogMatch, n successful tries in a row for all other
// waits. Default: 1.
func (w Wait) Times(n int) Wait {
	if w.times = n; n < 1 && w.err == nil {
		w.err = fmt.Errorf("Times(%d): it must be at least 1", n)
	}
	return w
}

// errs are what is wrong with the arguments of a wait for a container with these ports.
func (w Wait) errs(declared []uint16) []error {
	var errs []error
	err := w.err
	switch {
	case err != nil:
	case w.hold == nil:
		err = errors.New("a Wait is made by a function such as WaitPort")
	case w.ports && len(declared) == 0:
		err = errors.New("it names no port, and Port declares none")
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("wait for %s: %w", cmp.Or(w.what, "nothing"), err))
	}
	for _, p := range w.parts {
		errs = append(errs, p.errs(declared)...)
	}
	return errs
}

// WaitFunc waits until f returns nil. The context ends with the try: heed it, or the wait takes longer than it should. f
// is not called again before it has returned.
//
// A method of c that fails ends the try, and f is called again later. To end the wait and fail the test at once, f calls
// t.Fatal, or require.NoError(t, err).
func WaitFunc(what string, f func(ctx context.Context, c *Container) error) Wait {
	w := Wait{what: what, foreign: true, hold: func(ctx context.Context, p *probe) error {
		return p.tries().Until(ctx, func(ctx context.Context, a *wait.Attempt) error { return f(ctx, attempted(ctx, p.Fixture, a)) })
	}}
	if f == nil {
		w.err = errors.New("the function is nil")
	}
	return w
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
		var first error // that ends the wait
		held := false
		for err := range p.each(ctx, waits) {
			switch {
			case err == nil:
				held = true
				cancel()
			case errors.Is(err, wait.ErrGoexit) && first == nil:
				first = err
				cancel()
			}
			errs = append(errs, err)
		}
		if first != nil || held {
			return first
		}
		return errors.Join(errs...)
	}}
	if len(waits) == 0 {
		w.what, w.err = "any of none", errors.New("Any has no strategies: give at least one")
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
		if w.try == 0 {
			w.try = p.wait.try
		}
		go func() {
			err := wait.ErrGoexit
			defer func() {
				done <- err
				if left <- struct{}{}; len(left) == cap(left) {
					close(done)
				}
			}()
			err = w.do(ctx, p)
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
	if err != nil && !errors.Is(err, wait.ErrExited) && len(w.parts) == 0 {
		err = fmt.Errorf("%s: %w", w.what, err)
	}
	return err
}
