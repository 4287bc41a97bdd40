package wait

import (
	"context"
	"errors"
	"runtime"
	"sync"
)

// ErrGoexit: a function of the user's has ended its goroutine: t.FailNow, require.NoError, t.SkipNow.
var ErrGoexit = errors.New("the function that the wait calls has ended its goroutine (t.FailNow, t.Fatal or t.SkipNow)")

// Attempt is one try of a wait. It is what a handle made for the try fails: it has the methods of a test for that.
type Attempt struct {
	mu  sync.Mutex
	err error // what a method of the handle failed by
}

// run does the try in a goroutine of its own, which it may end.
func (a *Attempt) run(ctx context.Context, f func(context.Context, *Attempt) error) <-chan error {
	done := make(chan error, 1)
	go func() {
		err := ErrGoexit
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

func (a *Attempt) failure() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// Fail ends the try, and the goroutine that it runs in.
func (a *Attempt) Fail(err error) {
	a.mu.Lock()
	if a.err == nil {
		a.err = err
	}
	a.mu.Unlock()
	runtime.Goexit()
}

// Helper does nothing.
func (a *Attempt) Helper() {}

// Fatalf ends the try. Fail has the error itself.
func (a *Attempt) Fatalf(string, ...any) { runtime.Goexit() }
