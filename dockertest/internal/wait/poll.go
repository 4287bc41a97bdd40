package wait

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// LongestPause between tries: what a test notices least, at a hundredth of a processor for a try of a millisecond.
const LongestPause = 100 * time.Millisecond

// The limits of a single try where TryWithin gives none: a tenth of the wait, within these.
const (
	shortestTry = time.Second
	longestTry  = 10 * time.Second
)

// Grace is what a try has to return when its context has ended.
const Grace = 100 * time.Millisecond

// ErrExited ends a wait when the container has ended.
var ErrExited = errors.New("the container has ended")

// Permanent ends a wait that no further try can help.
type Permanent struct{ Err error }

func (e Permanent) Error() string { return e.Err.Error() }
func (e Permanent) Unwrap() error { return e.Err }

// Poll says how a wait tries.
type Poll struct {
	Times   int             // how many tries in a row have to succeed; 0: one
	Within  time.Duration   // how long one may take; 0: by the end of the wait
	Every   time.Duration   // from one try to the next; 0: 1 ms at first, then longer and longer up to LongestPause
	Foreign bool            // a try calls a function of the user's, which is not called again before it has returned
	Exited  <-chan struct{} // closed when the container has ended
}

// Until tries until it works so often as is wanted. A pause is at least as long as the try before it, and half as long again
// as the one before: what is ready is noticed a third of its time late at most.
func (p Poll) Until(ctx context.Context, f func(context.Context, *Attempt) error) error {
	pause, limit := time.Millisecond, p.tryLimit(ctx)
	want := max(p.Times, 1)
	var last error
	for n := 1; ; n++ {
		begin := time.Now()
		err := p.once(ctx, limit, f)
		var final Permanent
		var cut unanswered
		switch {
		case err == nil:
			last = nil
			if want--; want == 0 {
				return nil
			}
		case errors.As(err, &final), errors.Is(err, ErrGoexit), errors.Is(err, ErrExited):
			return err
		case errors.As(err, &cut) && ctx.Err() != nil:
			return Ended(ctx, underWay(n, cut, last))
		default:
			want = max(p.Times, 1)
			if ctx.Err() == nil || last == nil {
				last = err
			}
			if cut.after > 0 && p.Within == 0 {
				limit *= 2 // it may be slow rather than dead
			}
		}
		wait := p.Every
		if wait == 0 {
			wait = max(pause, min(time.Since(begin), LongestPause))
			pause = min(pause+pause/2, LongestPause)
		}
		timer := time.NewTimer(wait)
		select {
		case <-p.Exited:
			timer.Stop()
			return ErrExited
		case <-ctx.Done():
			timer.Stop()
			return Ended(ctx, last)
		case <-timer.C:
		}
	}
}

// tryLimit is how long the first try may take.
func (p Poll) tryLimit(ctx context.Context) time.Duration {
	if p.Within > 0 {
		return p.Within
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
func (p Poll) once(ctx context.Context, limit time.Duration, f func(context.Context, *Attempt) error) error {
	begin := time.Now()
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := (&Attempt{}).run(limited, f)
	cut := func(err error) error {
		cause := context.Cause(limited)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || cause != nil && errors.Is(err, cause) {
			err = nil // that is what is said already
		}
		return unanswered{time.Since(begin), err}
	}
	select {
	case err := <-done:
		var final Permanent
		if err != nil && limited.Err() != nil && !errors.As(err, &final) && !errors.Is(err, ErrGoexit) {
			return cut(err)
		}
		return err
	case <-p.Exited: // what is asked now is answered at once
		limited, cancel := context.WithTimeout(limited, shortestTry)
		defer cancel()
		select {
		case err := <-done:
			return err
		case <-limited.Done():
			return ErrExited
		}
	case <-limited.Done():
	}
	if p.Foreign {
		select {
		case err := <-done:
			return late(err, cut)
		case <-ctx.Done():
		}
	}
	select {
	case err := <-done:
		return late(err, cut)
	case <-time.After(Grace):
		return cut(nil)
	}
}

// late is the result of a try that came after its time: what it has found counts.
func late(err error, cut func(error) error) error {
	if err == nil || errors.Is(err, ErrGoexit) {
		return err
	}
	return cut(err)
}

// underWay tells of the try that the end of the wait has ended, and what the one before it said.
func underWay(n int, cut unanswered, last error) error {
	if cut.after < Grace && last != nil {
		return last
	}
	if last == nil {
		return fmt.Errorf("number %d, which was under way: %w", n, cut)
	}
	return fmt.Errorf("number %d, which was under way: %w; the one before: %w", n, cut, last)
}

// Ended is why a wait was given up, with what the last try said.
func Ended(ctx context.Context, last error) error {
	why := api.Ended(ctx)
	if last == nil || errors.Is(last, context.Cause(ctx)) {
		return why
	}
	return fmt.Errorf("%w: the last try: %w", why, last)
}
