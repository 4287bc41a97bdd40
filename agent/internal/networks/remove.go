//go:build linux

package networks

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
)

func (s *Service) remove(r *http.Request, in api.Name) (wire.None, error) {
	return wire.None{}, s.Remove(r.Context(), in.Name)
}

// Remove removes a network that no container uses, also one whose description can't be read.
func (s *Service) Remove(ctx context.Context, name string) error {
	lock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	d, err := s.find(name)
	switch {
	case err == nil && d.Name == string(container.NetworkDefault):
		return invalid("network %s: it is the default network and can't be removed", d.Name)
	case err == nil:
		name = d.Name
	case !errors.Is(err, api.ErrCorrupt):
		return err
	}
	users, err := s.cfg.Users()
	if err != nil {
		return err
	}
	if user, used := users[name]; used {
		return api.Errorf(api.ErrInUse, "network %s: container %s is on it: disconnect or remove the container first", name, user)
	}
	return s.drop(ctx, name)
}

func (s *Service) prune(r *http.Request, _ wire.None) ([]string, error) {
	lock, err := s.lock(r.Context())
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	all, err := s.descriptions()
	if err != nil {
		return nil, err
	}
	users, err := s.cfg.Users()
	if err != nil {
		return nil, err
	}
	removed := []string{} // JSON: not null
	for _, name := range unused(all, users) {
		if err := s.drop(r.Context(), name); err != nil {
			return removed, err
		}
		removed = append(removed, name)
	}
	return removed, nil
}

// unused are the networks that a prune removes.
func unused(all []*Description, users map[string]string) (free []string) {
	for _, d := range all {
		if _, used := users[d.Name]; !used && d.Name != string(container.NetworkDefault) {
			free = append(free, d.Name)
		}
	}
	return free
}

// drop removes a network that no container uses; the networks' lock is held.
func (s *Service) drop(ctx context.Context, name string) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	s.forget(name)
	if err := m.Remove(ctx, name); err != nil && !errors.Is(err, network.ErrNotFound) {
		return Error(err)
	}
	if err := os.Remove(s.file(name)); err != nil {
		return err
	}
	if err := atomicfile.SyncDir(s.cfg.Dir); err != nil {
		return err
	}
	s.emit(container.EventDestroy, name)
	return nil
}
