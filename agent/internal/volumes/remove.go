//go:build linux

package volumes

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

func (s *Service) remove(r *http.Request, in api.Name) (wire.None, error) {
	lock, err := s.lock(r.Context(), flock.Exclusive)
	if err != nil {
		return wire.None{}, err
	}
	defer lock.Unlock()
	users, err := s.cfg.Users()
	if err != nil {
		return wire.None{}, err
	}
	v, err := s.volume(in.Name, users)
	if err != nil {
		return wire.None{}, err
	}
	if u := users[v.Name]; len(u) > 0 {
		return wire.None{}, api.Errorf(api.ErrInUse, "volume %s: container %s (%s) mounts it: remove the container first", v.Name, u[0].Name, names.Short(u[0].ID))
	}
	return wire.None{}, errors.Join(s.erase(v.Name), atomicfile.SyncDir(s.cfg.Dir))
}

// Drop removes the anonymous volumes of a container that goes. No lock is needed: they are its own.
func (s *Service) Drop(anonymous []string) error {
	var errs []error
	for _, name := range anonymous {
		errs = append(errs, s.erase(name))
	}
	return errors.Join(errs...)
}

// erase removes a volume; the lock is held exclusively, or it is anonymous and its container goes.
func (s *Service) erase(name string) error {
	dir := filepath.Join(s.cfg.Dir, name)
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil // its container was given up before it was made: no one has heard of it
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove volume %s: %w", name, err)
	}
	s.cfg.Emit(container.Event{Type: container.EventVolume, Action: container.EventDestroy, ID: name})
	return nil
}
