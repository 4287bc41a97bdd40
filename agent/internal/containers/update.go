//go:build linux

package containers

import (
	"errors"
	"net/http"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
)

func (s *Service) update(r *http.Request, opts container.UpdateOptions) (wire.None, error) {
	rec, unlock, err := s.hold(r.Context(), r.PathValue("id"))
	if err != nil {
		return wire.None{}, err
	}
	none, err := s.updateLocked(rec, opts)
	unlock()
	if m := s.mine(r.PathValue("id")); err == nil && m != nil && opts.Restart.Mode == container.RestartNo && m.state().State.Status == container.StatusRestarting {
		m.callOff()
	}
	return none, err
}

// updateLocked changes the record, and the run if there is one.
func (s *Service) updateLocked(rec *records.Record, opts container.UpdateOptions) (wire.None, error) {
	now, err := spec.ChangeResources(rec.Options.Resources, opts.Resources)
	if err != nil {
		return wire.None{}, err
	}
	policy, err := spec.ChangePolicy(rec.Options, opts.Restart)
	if err != nil {
		return wire.None{}, err
	}
	facts, err := s.launch.LimitFacts(now)
	if err != nil {
		return wire.None{}, err
	}
	if err := spec.CheckResources(now, facts); err != nil {
		return wire.None{}, err
	}
	if m := s.mine(rec.ID); m != nil {
		if run, err := m.current(); err == nil {
			if err := m.limit(run, now); err != nil {
				return wire.None{}, err
			}
		}
	}
	changed := *rec
	changed.Options.Resources, changed.Options.Lifecycle.Restart = now, policy
	if err := s.records.SaveRecord(&changed); err != nil {
		return wire.None{}, err
	}
	s.change(rec, func(r *records.Record) { r.Options.Resources, r.Options.Lifecycle.Restart = now, policy })
	s.emit(container.EventUpdate, rec)
	return wire.None{}, nil
}

// limit changes the limits of a run.
func (m *managed) limit(r *run, now container.Resources) error {
	err := r.rc.Update(spec.Resources(now, launch.Disks(now), m.s.Host.CountsSwap()))
	if err == nil {
		return nil
	}
	// libcontainer's text for a limit below what is in use has no error below it.
	inUse := errors.Is(err, unix.EBUSY) || strings.Contains(err.Error(), "memory limit")
	if inUse || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC) {
		return invalid("update container %s: the kernel refuses the limits: %w", names.Short(m.rec.ID), err)
	}
	return err
}
