package dockertest

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// errGoexit: a function of the user's has ended its goroutine: t.FailNow, require.NoError, t.SkipNow.
var errGoexit = errors.New("the function that the wait calls has ended its goroutine (t.FailNow, t.Fatal or t.SkipNow)")

// attempt is one try of a wait. It is what a handle made for the try fails.
type attempt struct {
	mu  sync.Mutex
	err error // what a method of the handle failed by
}

// run does the try in a goroutine of its own, which it may end.
func (a *attempt) run(ctx context.Context, f func(context.Context, *attempt) error) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := errGoexit
		defer func() {
			if ferr := a.failure(); ferr != nil {
				err = ferr
			}
			done <- err
		}()
		err = f(ctx, a)
	}()
	return done
}

func (a *attempt) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// fail ends the try.
func (a *attempt) fail(err error) {
	a.mu.Lock()
	if a.err == nil {
		a.err = err
	}
	a.mu.Unlock()
	runtime.Goexit()
}

// Helper makes attempt a failer.
func (a *attempt) Helper() {}

// Fatalf is not called: fail has the error itself.
func (a *attempt) Fatalf(string, ...any) { runtime.Goexit() }

// handle is the container for a function of the user's: what fails in it fails the try, and ends with it.
func (a *attempt) handle(ctx context.Context, f *Fixture) *Container {
	return &Container{fixture: f, t: a, scope: func() (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }}
}
