package dockertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/dockertest/internal/wait"
)

// failer is what a handle fails: a test, or the try of a wait.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// bind makes a handle whose methods fail t.
func bind(f *Fixture, t testing.TB) *Container {
	ctx, deadline := context.WithoutCancel(t.Context()), deadlineOf(t)
	c := &Container{fixture: f, t: t, scope: func() (context.Context, context.CancelFunc) { return until(ctx, deadline) }}
	if fz, ok := t.(*testing.F); ok {
		c.t = fuzz{fz}
	}
	return c
}

// attempted makes a handle for a function of the user's: what fails in it fails the try of a wait, and ends with it.
func attempted(ctx context.Context, f *Fixture, a *wait.Attempt) *Container {
	return &Container{fixture: f, t: a, scope: func() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }}
}

// op asks the agent for something that takes a moment.
func (c *Container) op(do func(context.Context) error) error {
	ctx, cancel := c.scope()
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, c.fixture.opTimeout())
	defer stop()
	return do(ctx)
}

// testContext is for what a test waits for. It is not the test's own context: that has ended when functions of t.Cleanup
// run, and they may use containers.
func testContext(t testing.TB) (context.Context, context.CancelFunc) {
	return until(context.WithoutCancel(t.Context()), deadlineOf(t))
}

// until ends a context at a test's deadline, if it has one.
func until(ctx context.Context, deadline time.Time) (context.Context, context.CancelFunc) {
	if deadline.IsZero() {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, deadline, fmt.Errorf("%w: the test binary's own time-out is near", errTimeout))
}

// deadlineOf leaves a test that has a deadline the time to tell what is wrong. It is zero without one.
func deadlineOf(t testing.TB) time.Time {
	has, ok := t.(interface{ Deadline() (time.Time, bool) })
	if !ok {
		return time.Time{}
	}
	d, ok := has.Deadline()
	if !ok {
		return time.Time{}
	}
	return d.Add(-min(2*time.Second, time.Until(d)/10))
}

// fuzz is a fuzz target's F, most of whose methods panic while the fuzz function runs.
type fuzz struct{ *testing.F }

func (f fuzz) Helper() {
	defer func() { _ = recover() }() // Fatalf tells
	f.F.Helper()
}

func (f fuzz) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	defer func() {
		if recover() != nil {
			panic(text + " (inside the fuzz function bind the handle to its t, with For: then the failure is the input's)")
		}
	}()
	f.F.Fatal(text)
}

// fail fails the test, or the try of a wait that the handle was made for.
func (c *Container) fail(what string, err error) {
	if what != "" {
		err = fmt.Errorf("%s: %w", what, err)
	}
	if a, ok := c.t.(*wait.Attempt); ok {
		a.Fail(err)
	}
	c.t.Helper()
	c.t.Fatalf("dockertest: %s: %v", c.fixture.title(), err)
}

// failRun fails the test whose container does not run. A function of a wait that has skipped or failed the test is
// obeyed.
func failRun(t testing.TB, err error, format string, args ...any) {
	t.Helper()
	if errors.Is(err, wait.ErrGoexit) && t.Skipped() && !t.Failed() {
		t.SkipNow()
	}
	t.Fatalf("dockertest: %s: %v", fmt.Sprintf(format, args...), err)
}
