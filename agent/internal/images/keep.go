package images

import (
	"sync"
	"time"
)

// keepFor is how long the layers of a pull that did not end stay for the next one.
const keepFor = 5 * time.Minute

// Leftover says what is to become of layers that no image has.
type Leftover int

const (
	// LeftOver are collected when no process uses the store.
	LeftOver Leftover = iota
	// LeftForNext stay for a while: another attempt takes them.
	LeftForNext
	// LeftInTheWay are collected like LeftOver, with those that are kept: the room is needed.
	LeftInTheWay
)

// leftovers is what one process knows of layers that no image has.
type leftovers struct {
	mu     sync.Mutex
	dirty  bool        // there may be some
	keep   time.Time   // until when they stay
	later  *time.Timer // when that is over
	closed bool
}

// note adds some. collect is called when the time of those that are kept is over.
func (l *leftovers) note(what Leftover, collect func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = true
	switch {
	case what == LeftInTheWay:
		l.keep = time.Time{}
	case what == LeftForNext && !l.closed:
		l.keep = time.Now().Add(keepFor)
		if l.later != nil {
			l.later.Stop()
		}
		l.later = time.AfterFunc(keepFor, collect)
	}
}

func (l *leftovers) any() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dirty
}

// due says whether there may be some whose time is over.
func (l *leftovers) due() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dirty && !time.Now().Before(l.keep)
}

// collected notes that there are none.
func (l *leftovers) collected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dirty = false
}

// enter counts work that a store that closes waits for, unless it closes already.
func (l *leftovers) enter(running *sync.WaitGroup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		running.Add(1)
	}
	return !l.closed
}

// close ends the time of kept ones: the store is closed, and collects at once.
func (l *leftovers) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed, l.keep = true, time.Time{}
	if l.later != nil {
		l.later.Stop()
	}
}

// Left notes that a transfer left layers that no image has.
func (s *Store) Left(what Leftover) {
	s.left.note(what, func() {
		if s.left.enter(&s.running) {
			defer s.running.Done()
			s.collectOrphans()
		}
	})
}

// pruneKept removes kept layers; the store's exclusive lock is held.
func (s *Store) pruneKept() error {
	if !s.left.any() {
		return nil
	}
	if err := s.deleteOrphans(); err != nil {
		return err
	}
	s.left.collected()
	return nil
}
