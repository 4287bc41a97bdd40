package images

import (
	"context"

	"github.com/caisson-dev/caisson/internal/flock"
)

type heldKey struct{}

// LockShared takes the store's lock for work that adds.
func (s *Service) LockShared(ctx context.Context) (*flock.Lock, error) { return s.layout.Shared(ctx) }

// Hold takes the store's shared lock, unless ctx has it already, and returns a context that has it.
func (s *Service) Hold(ctx context.Context) (held context.Context, release func(), err error) {
	if ctx.Value(heldKey{}) == s {
		return ctx, func() {}, nil
	}
	lock, err := s.layout.Shared(ctx)
	if err != nil {
		return nil, nil, err
	}
	return context.WithValue(ctx, heldKey{}, s), lock.Unlock, nil
}
