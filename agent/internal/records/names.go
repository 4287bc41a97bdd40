//go:build linux

package records

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

func (s *Store) namePath(name string) string {
	return filepath.Join(s.names, name)
}

// Claim makes a symbolic link name → id: the link is the index, and its creation is atomic.
func (s *Store) Claim(name, id string) error {
	path := s.namePath(name)
	for range 100 {
		err := os.Symlink(id, path)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return err
		}
		holder, err := os.Readlink(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := os.Lstat(s.Dir(holder)); err == nil {
			return api.Errorf(api.ErrNameInUse, "container name %q: container %s has it: remove or rename that one, or choose another name", name, names.Short(holder))
		}
		if err := s.free(name); err != nil {
			return err
		}
	}
	return api.Errorf(api.ErrNameInUse, "container name %q: other containers take it again and again: choose another name", name)
}

// free takes a name from a container that is gone. Under the lock: between the look at a link and its removal, another agent
// may have freed the name and claimed it.
func (s *Store) free(name string) error {
	lock, err := flock.Acquire(context.Background(), s.lock, flock.Exclusive) // held for microseconds
	if err != nil {
		return err
	}
	defer lock.Unlock()
	return s.freeLocked(name)
}

func (s *Store) freeLocked(name string) error {
	holder, err := os.Readlink(s.namePath(name))
	if err == nil {
		_, err = os.Lstat(s.Dir(holder))
		if err == nil {
			return nil
		}
	}
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.EINVAL) { // the latter: it is not a link, and so not a name
		return err
	}
	if err = os.Remove(s.namePath(name)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Sweep removes names whose containers went in a crash, and what is not a name.
func (s *Store) Sweep() error {
	entries, err := os.ReadDir(s.names)
	if err != nil || len(entries) == 0 {
		return err
	}
	lock, err := flock.Acquire(context.Background(), s.lock, flock.Exclusive)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	var errs []error
	for _, e := range entries {
		errs = append(errs, s.freeLocked(e.Name()))
	}
	return errors.Join(errs...)
}

// SyncNames puts the names on disk.
func (s *Store) SyncNames() error { return atomicfile.SyncDir(s.names) }

// Release removes the link if it still is this container's.
func (s *Store) Release(name, id string) error {
	holder, err := os.Readlink(s.namePath(name))
	if err != nil || holder != id {
		return nil // gone, or another's by now
	}
	err = os.Remove(s.namePath(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Lookup finds a container by name, id or a prefix of its id.
func (s *Store) Lookup(ref string) (string, error) {
	if ref == "" {
		return "", api.Errorf(api.ErrInvalidArgument, "container: the name or id is empty")
	}
	if strings.ContainsAny(ref, "/\x00") || ref == "." || ref == ".." {
		return "", NotFound(ref)
	}
	if id, err := os.Readlink(s.namePath(ref)); err == nil && s.Exists(id) {
		return id, nil
	}
	if len(ref) == 64 {
		if s.Exists(ref) {
			return ref, nil
		}
		return "", NotFound(ref)
	}
	ids, err := s.IDs()
	if err != nil {
		return "", err
	}
	found := ""
	for _, id := range ids {
		if !strings.HasPrefix(id, ref) || !s.Exists(id) {
			continue
		}
		if found != "" {
			return "", api.Errorf(api.ErrAmbiguous, "container %s: several ids begin with it: give more digits", ref)
		}
		found = id
	}
	if found == "" {
		return "", NotFound(ref)
	}
	return found, nil
}
