//go:build linux

package containers

import (
	"context"
	"errors"
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) rename(r *http.Request, in api.Name) (wire.None, error) {
	name := in.Name
	if !names.Valid(name) {
		return wire.None{}, invalid("rename to %q: a name must match %s", name, names.Pattern())
	}
	rec, unlock, err := s.hold(r.Context(), r.PathValue("id"))
	if err != nil {
		return wire.None{}, err
	}
	defer unlock()
	return wire.None{}, s.renameTo(rec, name)
}

// hold keeps a container from starting, ending and going while its record is changed. The record is the manager's own
// if this agent is that.
func (s *Service) hold(ctx context.Context, id string) (*records.Record, func(), error) {
	if m := s.mine(id); m != nil {
		m.op.Lock()
		m.mu.Lock()
		removed := m.removed
		m.mu.Unlock()
		if removed {
			m.op.Unlock()
			return nil, nil, records.NotFound(id)
		}
		return m.rec, m.op.Unlock, nil
	}
	lock, err := s.lock(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	rec, err := s.records.Record(id)
	if err != nil {
		lock.Unlock()
		return nil, nil, err
	}
	return rec, lock.Unlock, nil
}

// change changes a record that is held, for those too that read a managed container's under its mu alone.
func (s *Service) change(rec *records.Record, f func(*records.Record)) {
	if m := s.mine(rec.ID); m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
	}
	f(rec)
}

// renameTo claims the new name before the old one goes: a crash between leaves the container with one name too many,
// which goes with it.
func (s *Service) renameTo(rec *records.Record, name string) error {
	old := rec.Name
	if name == old {
		return nil
	}
	if err := s.records.Claim(name, rec.ID); err != nil {
		return err
	}
	if rec.Durable() {
		if err := s.records.SyncNames(); err != nil {
			return errors.Join(err, s.records.Release(name, rec.ID))
		}
	}
	changed := *rec
	changed.Name, changed.Options.Name = name, name
	if err := s.records.SaveRecord(&changed); err != nil {
		return errors.Join(err, s.records.Release(name, rec.ID))
	}
	s.change(rec, func(r *records.Record) { r.Name, r.Options.Name = name, name })
	err := s.records.Release(old, rec.ID)
	if m := s.mine(rec.ID); m != nil {
		if r, rerr := m.current(); rerr == nil { // one that does not run joins by its new name
			err = errors.Join(err, r.net.Rename(name))
		}
	}
	s.emit(container.EventRename, rec, "oldName", old)
	return err
}
