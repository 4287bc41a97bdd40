package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Destroy closes the store and removes its directories with everything in them: images, containers, volumes. It is for
// stores of one's own, as a test's. An ordinary user can't remove a store's directory by other means: files in it
// belong to the user's subordinate ids.
//
// The store must not be open elsewhere, in this process or another, and none of its containers may be detached and
// running.
//
// Errors: ErrInUse; the store is open then as before.
func (s *Store) Destroy(ctx context.Context) error {
	if s.c.Shared() {
		return api.Errorf(ErrInUse, "destroy the store %s: this process has it open more than once: close the others first", s.Root())
	}
	if err := s.c.Do(ctx, api.StoreDestroy, nil, nil); err != nil {
		return err
	}
	return s.Close()
}
