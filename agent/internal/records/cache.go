//go:build linux

package records

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"sync"
	"syscall"
	"time"
)

// cache keeps what was read of containers' files for as long as they are the same: with 200 containers, List would
// spend most of its time on decoding them again.
type cache struct {
	mu      sync.Mutex
	records map[string]cached[Record]
	states  map[string]cached[State]
}

// cached is a file's content, which no one changes.
type cached[T any] struct {
	is stamp
	v  *T
}

// stamp tells a file from the one that Save replaces it with.
type stamp struct {
	dev, ino uint64
	size     int64
	mtime    time.Time
}

// calm is how old a file must be to be known by its stamp: two in the same tick of the kernel's clock, of 10 ms at
// most, can have the same.
const calm = 100 * time.Millisecond

func stampOf(path string) (stamp, error) {
	st, err := os.Stat(path)
	if err != nil {
		return stamp{}, err
	}
	is := stamp{size: st.Size(), mtime: st.ModTime()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		is.dev, is.ino = sys.Dev, sys.Ino
	}
	return is, nil
}

// CachedRecord is Record, for those who don't change it.
func (s *Store) CachedRecord(id string) (*Record, error) {
	return load(s, s.cache.records, id, recordFile)
}

// CachedState is State, for those who don't change it.
func (s *Store) CachedState(id string) (*State, error) {
	return load(s, s.cache.states, id, stateFile)
}

func load[T any](s *Store, m map[string]cached[T], id, name string) (*T, error) {
	is, err := stampOf(s.Path(id, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, NotFound(id)
	}
	if err != nil {
		return nil, err
	}
	s.cache.mu.Lock()
	c, ok := m[id]
	s.cache.mu.Unlock()
	if ok && c.is == is {
		return c.v, nil
	}
	now := time.Now()
	v := new(T)
	if err := s.Load(id, name, v); err != nil {
		return nil, err
	}
	if now.Sub(is.mtime) > calm {
		s.cache.mu.Lock()
		m[id] = cached[T]{is, v}
		s.cache.mu.Unlock()
	}
	return v, nil
}

// Keep forgets what was read of all but these containers.
func (s *Store) Keep(ids []string) {
	c := &s.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.records) <= len(ids) && len(c.states) <= len(ids) {
		return
	}
	there := make(map[string]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	maps.DeleteFunc(c.records, func(id string, _ cached[Record]) bool { return !there[id] })
	maps.DeleteFunc(c.states, func(id string, _ cached[State]) bool { return !there[id] })
}
