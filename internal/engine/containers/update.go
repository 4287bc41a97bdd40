//go:build linux

package containers

import (
	"errors"
	"net/http"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/engine/wire"
)

func (s *Service) update(r *http.Request, limits container.Resources) (wire.None, error) {
	rec, unlock, err := s.hold(r.Context(), r.PathValue("id"))
	if err != nil {
		return wire.None{}, err
	}
	defer unlock()
	now, err := changedLimits(rec.Options.Resources, limits)
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
	changed.Options.Resources = now
	if err := s.save(rec.ID, "config.json", &changed); err != nil {
		return wire.None{}, err
	}
	s.change(rec, func(r *Record) { r.Options.Resources = now })
	s.emit(container.EventUpdate, rec)
	return wire.None{}, nil
}

// limit changes the limits of a run.
func (m *managed) limit(r *run, now container.Resources) error {
	err := r.rc.Update(linuxResources(now, m.s.Host.cgroupFile("memory", "memory.memsw.limit_in_bytes", "memory.swap.max")))
	if err == nil {
		return nil
	}
	// libcontainer's text for a limit below what is in use has no error below it.
	inUse := errors.Is(err, unix.EBUSY) || strings.Contains(err.Error(), "memory limit")
	if inUse || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSPC) {
		return invalid("update container %s: the kernel refuses the limits: %w", short(m.rec.ID), err)
	}
	return err
}

// changedLimits joins limits with the changes to them.
func changedLimits(old, change container.Resources) (container.Resources, error) {
	for field, set := range map[string]bool{
		"Ulimits": change.Ulimits != nil, "ShmSize": change.ShmSize != 0, "OOMScoreAdj": change.OOMScoreAdj != 0, "CgroupParent": change.CgroupParent != "",
	} {
		if set {
			return old, invalid("Resources.%s: it can't change: it belongs to the processes from their start", field)
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
