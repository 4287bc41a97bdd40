package dockertest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// longestPause between tries: what a test notices least, at a hundredth of a processor for a try of a millisecond.
const longestPause = 100 * time.Millisecond

// errExited ends a wait when the container has ended.
var errExited = errors.New("the container has ended")

// permanent ends a wait that no further try can help.
type permanent struct{ error }

func (e permanent) Unwrap() error { return e.error }

// poll tries until it works so often as is wanted. A pause is at least as long as the try before it, and half as long again
// as the one before: what is ready is noticed a third of its time late at most.
func (p *probe) poll(ctx context.Context, try func(context.Context) error) error {
	pause := time.Millisecond
	want := max(p.wait.times, 1)
	var last error
	for {
		begin := time.Now()
		err := try(ctx)
		var final permanent
		switch {
		case err == nil:
			last = nil
			if want--; want == 0 {
				return nil
			}
		case errors.As(err, &final):
			return err
		default:
			want = max(p.wait.times, 1)
			if ctx.Err() == nil || last == nil {
				last = err
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

// ended is why a wait was given up, with what the last try said.
func ended(ctx context.Context, last error) error {
	cause := context.Cause(ctx)
	if last == nil || errors.Is(last, cause) {
		return cause
	}
	return fmt.Errorf("%w: at last: %w", cause, last)
}
