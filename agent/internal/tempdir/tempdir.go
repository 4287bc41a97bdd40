// Package tempdir keeps the temporary directory of each process that has a store open, and removes those of processes that
// are gone. It touches those directories and the lock files beside them, and knows nothing of what lies in them.
package tempdir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/internal/flock"
)

// Dir is one process's directory for temporary files. The lock file beside it says that the process lives.
type Dir struct {
	ID   string
	Path string
	lock *flock.Lock
}

// New makes the directory of this process.
func New(layout state.Layout) (*Dir, error) {
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return nil, err
	}
	id := hex.EncodeToString(b[:])
	dir := filepath.Join(layout.Temp(), id)
	lock, err := flock.Try(dir+".lock", flock.Exclusive)
	if err != nil {
		return nil, err
	}
	t := &Dir{ID: id, Path: dir, lock: lock}
	// Who opens the store to remove something needs no directory.
	if err := t.Ready(); err != nil && !diskspace.IsFull(err) {
		return nil, errors.Join(err, os.Remove(dir+".lock"))
	}
	return t, nil
}

// Ready makes the directory, which was not made if the disk was full. It is called before upstream libraries write into it.
func (t *Dir) Ready() error {
	if err := os.Mkdir(t.Path, 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Make makes a directory in t.
func (t *Dir) Make(prefix string) (string, error) {
	if err := t.Ready(); err != nil {
		return "", err
	}
	return os.MkdirTemp(t.Path, prefix+"-")
}

// Remove removes the directory, and says that the process is done with it.
func (t *Dir) Remove() error {
	err := errors.Join(os.RemoveAll(t.Path), os.Remove(t.Path+".lock"))
	t.lock.Unlock()
	return err
}

// Abandon leaves the lock file as of a dead process, so that the next one to open the store collects.
func (t *Dir) Abandon() error {
	err := os.RemoveAll(t.Path)
	t.lock.Unlock()
	return err
}

// Sweep calls dead for the directory of each process that is gone, then removes it. It reports whether there was
// one.
func Sweep(layout state.Layout, own string, dead func(dir string) error) (bool, error) {
	entries, err := os.ReadDir(layout.Temp())
	if err != nil {
		return false, err
	}
	found := false
	var errs []error
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".lock")
		if !ok || id == own {
			continue
		}
		path := filepath.Join(layout.Temp(), e.Name())
		lock, err := flock.TryDying(path, flock.Exclusive)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if lock == nil {
			continue // it lives, or another process sweeps it
		}
		found = true
		dir := filepath.Join(layout.Temp(), id)
		if err := errors.Join(dead(dir), os.RemoveAll(dir)); err != nil {
			errs = append(errs, err)
		} else if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
		lock.Unlock()
	}
	return found, errors.Join(errs...)
}

// Alive says whether the process that has the temporary directory id lives.
func Alive(layout state.Layout, id string) bool {
	path := filepath.Join(layout.Temp(), id+".lock")
	if _, err := os.Stat(path); err != nil {
		return false
	}
	lock, err := flock.Try(path, flock.Exclusive)
	if err != nil || lock == nil {
		return true
	}
	// Held only for a moment; a sweeper that meets it will come again.
	lock.Unlock()
	return false
}
