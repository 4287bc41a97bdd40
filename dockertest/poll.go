package dockertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// longestPause between tries: what a test notices least, at a hundredth of a processor for a try of a millisecond.
const longestPause = 100 * time.Millisecond

// The limits of a single try where TryWithin gives none: a tenth of the wait, within these.
const (
	shortestTry = time.Second
	longestTry  = 10 * time.Second
)

// grace is what a try has to return when its context has ended.
const grace = 100 * time.Millisecond

// errExited ends a wait when the container has ended.
var errExited = errors.New("the container has ended")

// permanent ends a wait that no further try can help.
type permanent struct{ error }

func (e permanent) Unwrap() error { return e.error }

// try is a single try. The handle is made of the attempt.
type try func(context.Context, *attempt) error

// plain is a try that makes no handle.
func plain(f func(context.Context) error) try {
	return func(ctx context.Context, _ *attempt) error { return f(ctx) }
}

// poll tries until it works so often as is wanted. A pause is at least as long as the try before it, and half as long again
// as the one before: what is ready is noticed a third of its time late at most.
func (p *probe) poll(ctx context.Context, f try) error {
	pause, limit := time.Millisecond, p.tryLimit(ctx)
	want := max(p.wait.times, 1)
	var last error
	for n := 1; ; n++ {
		begin := time.Now()
		err := p.once(ctx, limit, f)
		var final permanent
		var cut unanswered
		switch {
		case err == nil:
			last = nil
			if want--; want == 0 {
				return nil
			}
		case errors.As(err, &final), errors.Is(err, errGoexit), errors.Is(err, errExited):
			return err
		case errors.As(err, &cut) && ctx.Err() != nil:
			return ended(ctx, underWay(n, cut, last))
		default:
			want = max(p.wait.times, 1)
			if ctx.Err() == nil || last == nil {
				last = err
			}
			if cut.after > 0 && p.wait.try == 0 {
				limit *= 2 // it may be slow rather than dead
			}
		}
		wait := p.wait.every
		if wait == 0 {
			wait = max(pause, min(time.Since(begin), longestPause))
			pause = min(pause+pause/2, longestPause)
		}
		timer := time.NewTimer(wait)
		select {
		case <-p.exited:
			timer.Stop()
			return errExited
		case <-ctx.Done():
			timer.Stop()
			return ended(ctx, last)
		case <-timer.C:
		}
	}
}

// tryLimit is how long the first try may take.
func (p *probe) tryLimit(ctx context.Context) time.Duration {
	if p.wait.try > 0 {
		return p.wait.try
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		return longestTry
	}
	return min(max(time.Until(deadline)/10, shortestTry), longestTry)
}

// unanswered is the error of a try that was ended, with what it said then.
type unanswered struct {
	after time.Duration
	err   error // nil: nothing, or that its context has ended
}

func (e unanswered) Error() string {
	text := fmt.Sprintf("no answer within %v", e.after.Round(time.Millisecond))
	if e.err != nil {
		text += ": " + e.err.Error()
	}
	return text
}

func (e unanswered) Unwrap() error { return e.err }

// once tries within the limit. A function of the user's is not called again before it has returned; others that don't
// heed their context are left behind.
func (p *probe) once(ctx context.Context, limit time.Duration, f try) error {
	begin := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := (&attempt{}).run(limited, f)
	cut := func(err error) error {
		cause := context.Cause(limited)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || cause != nil && errors.Is(err, cause) {
			err = nil // that is what is said already
		}
		return unanswered{time.Since(begin), err}
	}
	select {
	case err := <-done:
		var final permanent
		if err != nil && limited.Err() != nil && !errors.As(err, &final) && !errors.Is(err, errGoexit) {
			return cut(err)
		}
		return err
	case <-p.exited: // what is asked now is answered at once
		limited, cancel := context.WithTimeout(limited, shortestTry)
		defer cancel()
		select {
		case err := <-done:
			return err
		case <-limited.Done():
			return errExited
		}
	case <-limited.Done():
	}
	if p.wait.foreign {
		select {
		case err := <-done:
			return late(err, cut)
		case <-ctx.Done():
		}
	}
	select {
	case err := <-done:
		return late(err, cut)
	case <-time.After(grace):
		return cut(nil)
	}
}

// late is the result of a try that came after its time: what it has found counts.
func late(err error, cut func(error) error) error {
	if err == nil || errors.Is(err, errGoexit) {
		return err
	}
	return cut(err)
}

// underWay tells of the try that the end of the wait has ended, and what the one before it said.
func underWay(n int, cut unanswered, last error) error {
	if cut.after < grace && last != nil {
		return last
	}
	if last == nil {
		return fmt.Errorf("number %d, which was under way: %w", n, cut)
	}
	return fmt.Errorf("number %d, which was under way: %w; the one before: %w", n, cut, last)
}

// ended is why a wait was given up, with what the last try said.
func ended(ctx context.Context, last error) error {
	why := api.Ended(ctx)
	if last == nil || errors.Is(last, context.Cause(ctx)) {
		return why
	}
	return fmt.Errorf("%w: the last try: %w", why, last)
}
