package images

import (
	"context"
	"errors"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// keepFor is how long the layers of a pull that did not end stay for the next one.
const keepFor = 5 * time.Minute

// failedPull notes that a pull left layers that no image has. Those of one that was cancelled or lost its registry stay for
// a while; another attempt of one that is refused, or has no room, would come to the same.
func (s *Service) failedPull(ctx context.Context, err error) {
	again := ctx.Err() != nil || errors.Is(err, api.ErrUnreachable) || errors.Is(err, api.ErrRateLimited)
	full := errors.Is(err, api.ErrNoSpace)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = true
	switch {
	case full:
		s.keep = time.Time{} // the room is needed
	case again && !s.closed:
		s.keep = time.Now().Add(keepFor)
		if s.later != nil {
			s.later.Stop()
		}
		s.later = time.AfterFunc(keepFor, s.collectKept)
	}
}

// collectKept runs when the time of kept layers is over.
func (s *Service) collectKept() {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.running.Add(1)
	}
	s.mu.Unlock()
	if closed {
		return
	}
	defer s.running.Done()
	s.collectOrphans()
}

// keepNothing ends the time of kept layers: the store is closed, and collects at once.
func (s *Service) keepNothing() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.keep = true, time.Time{}
	if s.later != nil {
		s.later.Stop()
	}
}

// pruneKept removes kept layers; the store's exclusive lock is held.
func (s *Service) pruneKept() error {
	s.mu.Lock()
	dirty := s.dirty
	s.mu.Unlock()
	if !dirty {
		return nil
	}
	if err := s.deleteOrphans(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = false
	return nil
}
