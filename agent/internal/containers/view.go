//go:build linux

package containers

import (
	"context"
	"errors"
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/rootfs"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
)

// newFileRequests answer what is asked of the files of this agent's containers, and of those that no agent manages.
func (s *Service) newFileRequests() *rootfs.Requests {
	return &rootfs.Requests{
		Open: s.view,
		Owner: func(root, owner string) (uid, gid int, err error) {
			who, _, err := launch.User(root, owner)
			return int(who.UID), int(who.GID), err
		},
		Exported: func(id string) {
			if rec, err := s.records.Record(id); err == nil {
				s.emit(container.EventExport, rec)
			}
		},
		Rootless: s.Host.Rootless, Logger: s.Logger,
	}
}

// view opens a container's file system, with its volumes and the host's directories where they are mounted; or without
// any mount, as the layer is.
func (s *Service) view(ctx context.Context, id string, access rootfs.Access) (*rootfs.View, error) {
	m := s.mine(id)
	if m == nil {
		return s.unmanagedView(ctx, id, access)
	}
	m.op.Lock()
	defer m.op.Unlock()
	if run, err := m.current(); err == nil {
		v, err := rootfs.Running(id, run.proc.Process, m.state().RootFS, access.Mounts)
		if errors.Is(err, rootfs.ErrGone) {
			return nil, notRunning(id, container.StatusExited)
		}
		return v, err
	}
	if m.state().State.Status == "" || m.gone() {
		return nil, records.NotFound(id)
	}
	v, err := s.stoppedView(m.rec, access)
	if err != nil {
		return nil, err
	}
	started := m.state().State.Started
	v.WhenClosed(func(unmount func() error) error {
		m.op.Lock()
		defer m.op.Unlock()
		if m.gone() || !m.state().State.Started.Equal(started) {
			return nil // the mount went with the container, or is the new run's, which takes it away
		}
		return unmount()
	})
	return v, nil
}

// unmanagedView keeps the container's lock until the view is closed.
func (s *Service) unmanagedView(ctx context.Context, id string, access rootfs.Access) (*rootfs.View, error) {
	lock, err := s.lock(ctx, id)
	if err != nil {
		return nil, err
	}
	rec, err := s.records.Record(id)
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	v, err := s.stoppedView(rec, access)
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	v.WhenClosed(func(unmount func() error) error {
		defer lock.Unlock()
		return unmount()
	})
	return v, nil
}

func (s *Service) stoppedView(rec *records.Record, access rootfs.Access) (*rootfs.View, error) {
	var in *rootfs.Mounts
	if access.Mounts {
		in = &rootfs.Mounts{List: rec.Mounts, ReadOnly: rec.Options.ReadOnly && !access.ReadOnlyRoot, Volume: s.volumes.Prepare}
	}
	return rootfs.Stopped(s.Images.Storage(), rec.ID, in)
}

func (m *managed) gone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.removed
}

func (s *Service) diff(r *http.Request, _ wire.None) ([]container.Change, error) {
	id := r.PathValue("id")
	changes, err := rootfs.Diff(s.Images.Storage(), id)
	return changes, s.unlessGone(id, err)
}

// unlessGone is an error of the storage, or that the container was removed meanwhile.
func (s *Service) unlessGone(id string, err error) error {
	if err != nil && !s.records.Exists(id) {
		return records.NotFound(id)
	}
	return err
}
