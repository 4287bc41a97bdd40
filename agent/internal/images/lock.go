package images

import (
	"context"

	"github.com/caisson-dev/caisson/internal/flock"
)

// Held is the store's shared lock: until Release nothing is removed, neither what the owner found nor what it adds.
type Held struct {
	s    *Store
	lock *flock.Lock
}

// Hold takes the store's lock for work that adds. Its owner must not take it again, nor call what does.
func (s *Store) Hold(ctx context.Context) (*Held, error) {
	lock, err := s.layout.Shared(ctx)
	if err != nil {
		return nil, err
	}
	return &Held{s, lock}, nil
}

// Release lets go.
func (h *Held) Release() { h.lock.Unlock() }

// AddNames gives an image further names, in full; other images lose them.
func (h *Held) AddNames(id string, names ...string) error {
	if err := h.s.store.AddNames(id, names); err != nil {
		return StoreError(id, err)
	}
	return nil
}

// MarkResult keeps an image that a user knows from being taken for a step of a build when it has no name.
func (h *Held) MarkResult(id string) error { return h.s.markResult(id) }

func (s *Store) markResult(id string) error {
	if err := s.store.SetImageBigData(id, resultKey, []byte("1"), nil); err != nil {
		return StoreError(id, err)
	}
	return nil
}

// Finish names an image that is new, or marks it as a user's if it gets no name.
func (h *Held) Finish(id string, names []string) error {
	if len(names) == 0 {
		return h.MarkResult(id)
	}
	return h.AddNames(id, names...)
}
