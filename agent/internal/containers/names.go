//go:build linux

package containers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
)

func (s *Service) namePath(name string) string {
	return filepath.Join(s.layout.Root, "names", name)
}

// claimName makes a symbolic link name → id: the link is the index, and its creation is atomic.
func (s *Service) claimName(name, id string) error {
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
		if _, err := os.Lstat(s.dir(holder)); err == nil {
			return api.Errorf(api.ErrNameInUse, "container name %q: container %s has it: remove or rename that one, or choose another name", name, names.Short(holder))
		}
		// Its container went in a crash. Two that see this at once: one's Symlink wins.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return api.Errorf(api.ErrNameInUse, "container name %q: others take it again and again", name)
}

// syncNames puts the names on disk.
func (s *Service) syncNames() error { return atomicfile.SyncDir(filepath.Join(s.layout.Root, "names")) }

// dropName removes the link if it still is this container's.
func (s *Service) dropName(name, id string) error {
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

// lookup finds a container by name, id or a prefix of its id.
func (s *Service) lookup(ref string) (string, error) {
	if ref == "" {
		return "", api.Errorf(api.ErrInvalidArgument, "container: the name or id is empty")
	}
	if strings.ContainsAny(ref, "/\x00") || ref == "." || ref == ".." {
		return "", notFound(ref)
	}
	if id, err := os.Readlink(s.namePath(strings.TrimPrefix(ref, "/"))); err == nil && s.exists(id) {
		return id, nil
	}
	if len(ref) == 64 {
		if s.exists(ref) {
			return ref, nil
		}
		return "", notFound(ref)
	}
	entries, err := os.ReadDir(s.layout.Containers())
	if err != nil {
		return "", err
	}
	found := ""
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ref) || !s.exists(e.Name()) {
			continue
		}
		if found != "" {
			return "", api.Errorf(api.ErrAmbiguous, "container %s: several ids begin with it: give more digits", ref)
		}
		found = e.Name()
	}
	if found == "" {
		return "", notFound(ref)
	}
	return found, nil
}

// exists is false for a directory whose container is only half made.
func (s *Service) exists(id string) bool {
	_, err := os.Lstat(filepath.Join(s.dir(id), "state.json"))
	return err == nil
}
