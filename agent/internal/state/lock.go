package state

import (
	"context"
	"path/filepath"

	"github.com/caisson-dev/caisson/internal/flock"
)

// Shared takes the store's lock for work that adds (pull, build, create): many at a time.
func (l Layout) Shared(ctx context.Context) (*flock.Lock, error) {
	// Through the gate, so that a stream of sharers does not starve a remover.
	gate, err := flock.Acquire(ctx, filepath.Join(l.Locks(), "gate"), flock.Shared)
	if err != nil {
		return nil, err
	}
	defer gate.Unlock()
	return flock.Acquire(ctx, filepath.Join(l.Locks(), "store"), flock.Shared)
}

// Exclusive takes the store's lock for work that removes images: alone.
func (l Layout) Exclusive(ctx context.Context) (*flock.Lock, error) {
	gate, err := flock.Acquire(ctx, filepath.Join(l.Locks(), "gate"), flock.Exclusive)
	if err != nil {
		return nil, err
	}
	defer gate.Unlock()
	return flock.Acquire(ctx, filepath.Join(l.Locks(), "store"), flock.Exclusive)
}
