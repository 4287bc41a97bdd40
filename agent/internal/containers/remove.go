//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) remove(r *http.Request, opts container.RemoveOptions) (wire.None, error) {
	return wire.None{}, s.removeID(r.Context(), r.PathValue("id"), opts)
}

func (s *Service) removeID(ctx context.Context, id string, opts container.RemoveOptions) error {
	m := s.mine(id)
	if m == nil {
		return s.removeUnmanaged(ctx, id, opts)
	}
	if opts.Force {
		if err := m.stopNow(); err != nil {
			return err
		}
	}
	m.op.Lock()
	defer m.op.Unlock()
	if st := m.state(); live(st.State.Status) {
		return api.Errorf(api.ErrRunning, "container %s: it is %s: stop it first, or set RemoveOptions.Force", names.Short(id), st.State.Status)
	}
	if err := s.keepVolumes(m.rec, opts); err != nil {
		return err
	}
	return m.erase()
}

// keepVolumes takes the anonymous volumes out of a record that is held, so that no one removes them with it, also not a
// later agent that finds the container half removed.
func (s *Service) keepVolumes(rec *records.Record, opts container.RemoveOptions) error {
	if !opts.KeepVolumes || len(rec.Volumes) == 0 {
		return nil
	}
	changed := *rec
	changed.Volumes = nil
	if err := s.records.SaveRecord(&changed); err != nil {
		return err
	}
	s.change(rec, func(r *records.Record) { r.Volumes = nil })
	return nil
}

// removeUnmanaged removes a detached container that does not run.
func (s *Service) removeUnmanaged(ctx context.Context, id string, opts container.RemoveOptions) error {
	lock, err := s.lock(ctx, id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	rec, err := s.records.Record(id)
	if errors.Is(err, api.ErrCorrupt) {
		return s.eraseDamaged(id)
	}
	if err != nil {
		return err
	}
	if err := s.keepVolumes(rec, opts); err != nil {
		return err
	}
	return s.erase(rec)
}

// erase removes all of a container that does not run. Its lock is held. The directory goes last: what fails before is
// found and tried again by the next agent's clean-up.
func (s *Service) erase(rec *records.Record) error {
	s.Images.Room().Use()
	defer s.Images.Room().Keep()
	whole := s.records.Exists(rec.ID) // and not only half made
	if err := s.records.Unmake(rec.ID); err != nil {
		return err
	}
	err := s.records.Release(rec.Name, rec.ID)
	if derr := s.Images.Storage().DeleteContainer(rec.ID); derr != nil && !errors.Is(derr, storage.ErrContainerUnknown) && !errors.Is(derr, storage.ErrNotAContainer) {
		err = errors.Join(err, fmt.Errorf("delete the layer of container %s: %w", names.Short(rec.ID), derr))
	}
	if err = errors.Join(err, s.volumes.Drop(rec.Volumes)); err != nil {
		return err
	}
	err = s.records.Remove(rec.ID)
	if err == nil && rec.Durable() {
		err = s.records.Sync() // it does not come back when the machine goes down
	}
	if err != nil {
		return err
	}
	if whole {
		s.emit(container.EventDestroy, rec)
	}
	return nil
}

// Running returns the name of one of the containers that runs, or "" when none does.
func (s *Service) Running(ctx context.Context, ids []string) (string, error) {
	up := map[string]bool{}
	for _, id := range ids {
		info, err := s.info(ctx, id, up)
		if errors.Is(err, api.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		if live(info.State.Status) {
			return info.Name, nil
		}
	}
	return "", nil
}

// RemoveForImage removes the containers of a damaged image that is removed. It stops at one that runs.
func (s *Service) RemoveForImage(ctx context.Context, ids []string) error {
	for _, id := range ids {
		target, err := s.find(ctx, id, func(*records.State) bool { return false })
		switch {
		case errors.Is(err, api.ErrNotFound):
			continue
		case err != nil:
			return err
		case target != "":
			return api.Errorf(api.ErrInUse, "container %s uses the image, and another process has the container open: stop and remove it first", names.Short(id))
		}
		if err := s.removeID(ctx, id, container.RemoveOptions{}); err != nil && !errors.Is(err, api.ErrNotFound) {
			return err
		}
	}
	return nil
}
