package images

import (
	"context"
	"fmt"
	"time"
)

// patience is how long a cancelled caller waits for upstream to notice. What does not end by then, such as the extraction
// of a layer, goes on behind the caller's back and cleans up; Close waits for it.
const patience = 300 * time.Millisecond

// Detachable runs f and returns soon after ctx ends, even if f does not.
func Detachable[T any](ctx context.Context, s *Store, what string, f func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	got := make(chan result, 1)
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		v, err := f()
		if err != nil {
			s.collectOrphans()
		}
		got <- result{v, err}
	}()
	select {
	case r := <-got:
		return r.v, r.err
	case <-ctx.Done():
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case r := <-got:
		return r.v, r.err
	case <-t.C:
		var none T
		return none, fmt.Errorf("%s: %w", what, context.Cause(ctx))
	}
}
