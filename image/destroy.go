package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Destroy closes the store and removes its directories with everything in them: images, containers and volumes. It is
// for stores that a program makes for itself, such as the store of a test. An ordinary user can't remove the directories
// by other means, because files in them belong to the user's subordinate ids.
//
// The store must not be open elsewhere, in this process or another, and no detached container of it may run.
//
// Errors: ErrInUse when that is not so; the store is still open then. ErrAgentGone when the store is closed.
func (s *Store) Destroy(ctx context.Context) error {
	if s.c.Shared() {
		return api.Errorf(ErrInUse, "destroy the store %s: this process has it open more than once: close the others first", s.Root())
	}
	if err := s.c.Do(ctx, api.StoreDestroy, nil, nil); err != nil {
		return err
	}
	return s.Close()
}
