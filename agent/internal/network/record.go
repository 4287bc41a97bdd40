//go:build linux

package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/internal/atomicfile"
)

// stateDir is a network's directory.
type stateDir struct {
	dir  string
	lock *lockFile

	mu     sync.Mutex
	cached *plan.Record // as of generation
	gen    uint64
}

func openStateDir(dir string) (*stateDir, error) {
	l, err := openLockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, notFound(err)
	}
	return &stateDir{dir: dir, lock: l}, nil
}

func (s *stateDir) close() error { return s.lock.close() }

// update changes the record under the lock; nothing is written when f fails.
func (s *stateDir) update(f func(*plan.Record) error) error {
	if err := s.lock.lock(); err != nil {
		return err
	}
	defer s.lock.unlock()
	r, err := s.load()
	if err != nil {
		return err
	}
	if err := f(r); err != nil {
		return err
	}
	return s.save(r)
}

// view returns the record, which the caller must not change. It costs one pread when nothing changed.
func (s *stateDir) view() (*plan.Record, error) {
	gen := s.lock.generation() // before reading: a newer record under an older number is merely read twice
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cached != nil && s.gen == gen {
		return s.cached, nil
	}
	r, err := s.load()
	if err != nil {
		return nil, err
	}
	s.cached, s.gen = r, gen
	return r, nil
}

func (s *stateDir) path() string { return filepath.Join(s.dir, "state.json") }

func (s *stateDir) load() (*plan.Record, error) {
	b, err := os.ReadFile(s.path())
	if err != nil {
		return nil, notFound(err)
	}
	r := new(plan.Record)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read %s: %w", s.path(), err)
	}
	return r, nil
}

func (s *stateDir) save(r *plan.Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	// Not synced: what a reboot leaves of it, nobody holds.
	if err := atomicfile.Write(s.path(), b, atomicfile.Options{}); err != nil {
		return notFound(err)
	}
	return s.lock.bump()
}

func notFound(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("network: %w: it was removed", ErrNotFound)
	}
	return err
}
