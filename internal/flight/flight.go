// Package flight does something once for all who want it.
//
// It knows nothing of what is done, and touches nothing.
package flight

import (
	"context"
	"sync"

	"github.com/caisson-dev/caisson/internal/api"
)

// Group does each thing once, for all who want it at the same time or later. What fails is tried again by the next.
type Group[T any] struct {
	Forget bool // those who come later do it again

	mu    sync.Mutex
	calls map[string]*call[T]
}

type call[T any] struct {
	done chan struct{}
	v    T
	err  error
}

// Do calls fn for a key, or waits for who does, until ctx ends.
func (f *Group[T]) Do(ctx context.Context, key string, fn func() (T, error)) (T, error) {
	for {
		f.mu.Lock()
		c, found := f.calls[key]
		if !found {
			c = &call[T]{done: make(chan struct{})}
			if f.calls == nil {
				f.calls = map[string]*call[T]{}
			}
			f.calls[key] = c
		}
		f.mu.Unlock()
		if !found {
			f.run(key, c, fn)
			return c.v, c.err
		}
		select {
		case <-ctx.Done():
			var none T
			return none, api.Ended(ctx)
		case <-c.done:
		}
		if c.err == nil {
			return c.v, nil
		}
		// It may have failed by its own context's end.
	}
}

func (f *Group[T]) run(key string, c *call[T], fn func() (T, error)) {
	defer close(c.done)
	c.v, c.err = fn()
	if c.err != nil || f.Forget {
		f.mu.Lock()
		delete(f.calls, key)
		f.mu.Unlock()
	}
}
