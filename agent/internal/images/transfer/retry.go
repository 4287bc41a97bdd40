package transfer

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// attempts, and the wait before the second one; each further wait is twice as long. With jitter, so that the
// processes of a test run do not come back all at once.
const (
	attempts  = 5
	firstWait = 500 * time.Millisecond
)

// retry calls f until it works, fails for good, or ctx ends.
func (s *Service) retry(ctx context.Context, what string, f func() error) error {
	wait := firstWait
	for i := 1; ; i++ {
		err := f()
		if err == nil || i == attempts || ctx.Err() != nil || !transient(err) {
			return err
		}
		pause := wait/2 + rand.N(wait)
		s.log.Info(what+": trying again", "attempt", i, "wait", pause, "error", err)
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return errors.Join(context.Cause(ctx), err)
		case <-t.C:
		}
		wait *= 2
	}
}
