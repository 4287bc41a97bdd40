//go:build linux

package containers

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// fileCache keeps what was read of containers' files for as long as they are the same: with 200 containers, List would
// spend most of its time on decoding them again.
type fileCache struct {
	mu      sync.Mutex
	records map[string]cached[Record]
	states  map[string]cached[State]
}

// cached is a file's content, which no one changes.
type cached[T any] struct {
	is fileStamp
	v  *T
}

// fileStamp tells a file from the one that save replaces it with.
type fileStamp struct {
	dev, ino uint64
	size     int64
	mtime    time.Time
}

// settled is how old a file must be to be known by its stamp: two in the same tick of the kernel's clock, of 10 ms at
// most, can have the same.
const settled = 100 * time.Millisecond

func stampOf(path string) (fileStamp, error) {
	st, err := os.Stat(path)
	if err != nil {
		return fileStamp{}, err
	}
	is := fileStamp{size: st.Size(), mtime: st.ModTime()}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		is.dev, is.ino = sys.Dev, sys.Ino
	}
	return is, nil
}

// loadCached is load, of a value that must not be changed.
func loadCached[T any](s *Service, m map[string]cached[T], id, name string) (*T, error) {
	is, err := stampOf(filepath.Join(s.dir(id), name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notFound(id)
	}
	if err != nil {
		return nil, err
	}
	s.files.mu.Lock()
	c, ok := m[id]
	s.files.mu.Unlock()
	if ok && c.is == is {
		return c.v, nil
	}
	now := time.Now()
	v := new(T)
	if err := s.load(id, name, v); err != nil {
		return nil, err
	}
	if now.Sub(is.mtime) > settled {
		s.files.mu.Lock()
		m[id] = cached[T]{is, v}
		s.files.mu.Unlock()
	}
	return v, nil
}

// keep forgets all but the containers that there are.
func (c *fileCache) keep(entries []os.DirEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.records) <= len(entries) && len(c.states) <= len(entries) {
		return
	}
	there := make(map[string]bool, len(entries))
	for _, e := range entries {
		there[e.Name()] = true
	}
	maps.DeleteFunc(c.records, func(id string, _ cached[Record]) bool { return !there[id] })
	maps.DeleteFunc(c.states, func(id string, _ cached[State]) bool { return !there[id] })
}
