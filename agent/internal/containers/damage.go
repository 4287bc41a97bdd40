//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// damaged describes a container one of whose files can't be read, by what is known of it.
func (s *Service) damaged(id string, rec *records.Record, why error) *container.Info {
	info := &container.Info{
		ID: id, Name: rec.Name, Image: rec.Options.Image, ImageID: rec.ImageID, Created: rec.Created,
		Command: rec.Command, Options: rec.Options, Mounts: rec.Mounts, LogPath: s.records.Path(id, "log"),
		State: container.State{Status: container.StatusDamaged, Error: why.Error()},
	}
	if st, err := os.Stat(s.records.Dir(id)); err == nil && rec.ID == "" {
		info.Created = st.ModTime()
	}
	return info
}

// damage says whether a file of the container can't be read, that of its state included.
func (s *Service) damage(id string, stateErr error) error {
	if errors.Is(stateErr, api.ErrCorrupt) {
		return stateErr
	}
	if _, err := s.records.CachedRecord(id); errors.Is(err, api.ErrCorrupt) {
		return err
	}
	return nil
}

// eraseDamaged removes a container whose record can't be read, and what is known of it. Its lock is held. Volumes of its
// stay: which these were is not known.
func (s *Service) eraseDamaged(id string) error {
	if err := s.records.Unmake(id); err != nil {
		return err
	}
	err := s.rt.Clean(id)
	if name := s.records.NameOf(id); name != "" {
		err = errors.Join(err, s.records.Release(name, id))
	}
	_, _ = s.Images.Storage().Unmount(id, true) // it may not be mounted
	if derr := s.Images.Storage().DeleteContainer(id); derr != nil && !errors.Is(derr, storage.ErrContainerUnknown) && !errors.Is(derr, storage.ErrNotAContainer) {
		err = errors.Join(err, fmt.Errorf("delete the layer of container %s: %w", names.Short(id), derr))
	}
	if err != nil {
		return err
	}
	return s.records.Remove(id)
}

// collectDamaged looks after a container whose record can't be read, when no agent has it.
func (s *Service) collectDamaged(id string, why error) error {
	if s.records.Lost(id) {
		return s.eraseDamaged(id)
	}
	s.Logger.Warn("a container is damaged", "container", id, "error", why)
	return s.rt.Clean(id)
}

// heal gives a container that no agent has, and whose state can't be read, a state that says so.
func (s *Service) heal(ctx context.Context, id string, rec *records.Record, why error) error {
	if !rec.Options.Detach { // it goes with its owner
		return errors.Join(s.rt.Clean(id), s.forget(rec))
	}
	s.Logger.Warn("a container's state was damaged", "container", id, "error", why)
	st := ended(&records.State{State: container.State{Started: rec.Created}})
	st.State.ExitCode, st.State.Signal = 255, ""
	st.State.Error = "how it ended is not known: its file state.json was damaged"
	return s.recover(ctx, id, &st)
}
