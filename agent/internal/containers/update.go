//go:build linux

package containers

import (
	"errors"
	"net/http"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
)

func (s *Service) update(r *http.Request, opts container.UpdateOptions) (wire.None, error) {
	rec, unlock, err := s.hold(r.Context(), r.PathValue("id"))
	if err != nil {
		return wire.None{}, err
	}
	none, err := s.updateHeld(rec, opts)
	unlock()
	if m := s.mine(r.PathValue("id")); err == nil && m != nil && opts.Restart.Mode == container.RestartNo && m.state().State.Status == container.StatusRestarting {
		m.callOff()
	}
	return none, err
}

// updateHeld changes the record, and the run if there is one.
func (s *Service) updateHeld(rec *Record, opts container.UpdateOptions) (wire.None, error) {
	now, err := changedLimits(rec.Options.Resources, opts.Resources)
	if err != nil {
		return wire.None{}, err
	}
	policy, err := changedPolicy(&rec.Options, opts.Restart)
	if err != nil {
		return wire.None{}, err
	}
	if err := s.Host.canLimit(now); err != nil {
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
	if err := s.save(rec, "config.json", &changed); err != nil {
		return wire.None{}, err
	}
	s.change(rec, func(r *Record) { r.Options.Resources, r.Options.Lifecycle.Restart = now, policy })
	s.emit(container.EventUpdate, rec)
	return wire.None{}, nil
}

// limit changes the limits of a run.
func (m *managed) limit(r *run, now container.Resources) error {
	res, err := linuxResources(now, m.s.Host.cgroupFile("memory", "memory.memsw.limit_in_bytes", "memory.swap.max"))
	if err != nil {
		return err
	}
	if err = r.rc.Update(res); err == nil {
		return nil
	}
	// libcontainer's text for a limit below what is in use has no error below it.
	inUse := errors.Is(err, unix.EBUSY) || strings.Contains(err.Error(), "memory limit")
	if inUse || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC) {
		return invalid("update container %s: the kernel refuses the limits: %w", names.Short(m.rec.ID), err)
	}
	return err
}

// changedPolicy is the restart policy after a change.
func changedPolicy(o *container.Options, change container.RestartPolicy) (container.RestartPolicy, error) {
	if change == (container.RestartPolicy{}) {
		return o.Lifecycle.Restart, nil
	}
	if o.AutoRemove && change.Mode != container.RestartNo {
		return o.Lifecycle.Restart, invalid("Restart.Mode %q: the container has AutoRemove: one that is removed can't start again", change.Mode)
	}
	return change, validateRestart(change)
}

// changedLimits joins limits with the changes to them.
func changedLimits(old, change container.Resources) (container.Resources, error) {
	for field, set := range map[string]bool{
		"Ulimits": change.Ulimits != nil, "ShmSize": change.ShmSize != 0, "OOMScoreAdj": change.OOMScoreAdj != 0, "CgroupParent": change.CgroupParent != "",
		"BlockIO": change.BlockIO != nil, "Devices": change.Devices != nil,
	} {
		if set {
			return old, invalid("Resources.%s: it can't change: the container has it from its start", field)
		}
	}
	now := old
	if change.Memory != 0 {
		now.Memory = change.Memory
		if change.MemorySwap == 0 && now.MemorySwap > 0 && now.MemorySwap < now.Memory {
			return old, invalid("Resources.Memory %d: more than memory and swap together (%d): set MemorySwap too", now.Memory, now.MemorySwap)
		}
	}
	set(&now.MemorySwap, change.MemorySwap)
	set(&now.MemoryReservation, change.MemoryReservation)
	set(&now.CPUs, change.CPUs)
	set(&now.CPUSet, change.CPUSet)
	set(&now.MemoryNodes, change.MemoryNodes)
	set(&now.CPUShares, change.CPUShares)
	set(&now.PIDs, change.PIDs)
	set(&now.BlockIOWeight, change.BlockIOWeight)
	return now, validateResources(&now)
}

func set[T comparable](field *T, to T) {
	var zero T
	if to != zero {
		*field = to
	}
}
