package dockertest

import (
	"context"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
)

// Fork starts a container with the files and volumes of this one as they are at this moment, and waits until it is ready. It is
// removed when t is over. What either writes from then on, the other does not see. A server finds what it would find after a crash at
// that moment; container.Container.Fork says what a fork has. For many forks of one state use Template.
func (c *Container) Fork(t testing.TB) *Container {
	t.Helper()
	ctx, cancel := testContext(t)
	defer cancel()
	f, err := c.fixture.fork(ctx, container.ForkOptions{Labels: map[string]string{labelTest: t.Name()}, Detach: keep()})
	if err == nil {
		f.test = t.Name()
		t.Cleanup(func() {
			t.Helper()
			finish(t, f)
		})
		err = f.Start(ctx)
	}
	if err != nil {
		failRun(t, err, "fork %s", c.fixture.title())
	}
	return f.For(t)
}

// StartFork starts a container with the files and volumes of this one as they are at this moment, and waits until it is ready. Close removes
// it; without it, it goes with the process.
//
// Errors: those of container.Container.Fork and of Start.
func (f *Fixture) StartFork(ctx context.Context, opts container.ForkOptions) (*Fixture, error) {
	made, err := f.fork(ctx, opts)
	if err != nil {
		return nil, err
	}
	if err := made.Start(ctx); err != nil {
		made.unready = true
		_ = made.Close() // the error that is told is why it is not ready
		return nil, err
	}
	return made, nil
}

// fork makes the container, and does not start it.
func (f *Fixture) fork(ctx context.Context, opts container.ForkOptions) (*Fixture, error) {
	made, err := f.Container.Fork(ctx, opts)
	if err != nil {
		return nil, err
	}
	s := *f.settings
	s.reuse, s.atEnd, s.reserved, s.opts.Name = 0, nil, nil, made.Name()
	n := &Fixture{Container: made, settings: &s, ready: f.ready}
	n.begins(time.Now())
	return n, nil
}
