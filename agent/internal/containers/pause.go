//go:build linux

package containers

import (
	"errors"
	"net/http"
	"os"
	"syscall"

	"github.com/opencontainers/runc/libcontainer"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// theirs returns the container of a request for one that runs, which this agent manages.
func (s *Service) theirs(r *http.Request) (*managed, *run, error) {
	id := r.PathValue("id")
	m := s.mine(id)
	if m == nil {
		st, err := s.records.State(id)
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, notRunning(id, st.State.Status)
	}
	run, err := m.current()
	return m, run, err
}

func (s *Service) pause(r *http.Request, _ wire.None) (wire.None, error) {
	m, run, err := s.theirs(r)
	if err != nil {
		return wire.None{}, err
	}
	return wire.None{}, m.pause(run)
}

func (s *Service) resume(r *http.Request, _ wire.None) (wire.None, error) {
	m, run, err := s.theirs(r)
	if err != nil {
		return wire.None{}, err
	}
	return wire.None{}, m.resume(run)
}

func (m *managed) pause(r *run) error {
	m.op.Lock()
	defer m.op.Unlock()
	if st := m.state().State.Status; st == container.StatusPaused {
		return api.Errorf(api.ErrPaused, "pause container %s: it is paused already", names.Short(m.rec.ID))
	} else if st != container.StatusRunning {
		return notRunning(m.rec.ID, st)
	}
	if !freezable(r) {
		return api.Errorf(api.ErrUnsupported, "pause container %s: it has no cgroup, which freezes processes: "+
			"run as root, or where systemd delegates cgroups v2 to users", names.Short(m.rec.ID))
	}
	err := r.rc.Pause()
	if errors.Is(err, libcontainer.ErrNotRunning) {
		return notRunning(m.rec.ID, container.StatusExited)
	}
	if err != nil {
		return err
	}
	return m.turn(container.StatusPaused, container.EventPause)
}

func (m *managed) resume(r *run) error {
	m.op.Lock()
	defer m.op.Unlock()
	switch st := m.state().State.Status; st {
	case container.StatusPaused:
	case container.StatusRunning:
		return api.Errorf(api.ErrNotPaused, "resume container %s: it is not paused", names.Short(m.rec.ID))
	default:
		return notRunning(m.rec.ID, st)
	}
	if err := r.rc.Resume(); err != nil && !errors.Is(err, libcontainer.ErrNotPaused) { // a kill woke it up
		return err
	}
	return m.turn(container.StatusRunning, container.EventResume)
}

// turn notes a change between running and paused; m.op is held, so that it can't have ended for the files.
func (m *managed) turn(to container.Status, action container.EventAction) error {
	m.mu.Lock()
	var err error
	if live(m.st.State.Status) {
		m.st.State.Status = to
		err = m.saveState()
	}
	m.mu.Unlock()
	m.s.emit(action, m.rec)
	return err
}

// freezable says whether the container has a cgroup that can be frozen.
func freezable(r *run) bool {
	dir := r.rc.Freezer()
	if dir == "" {
		return false
	}
	_, err := os.Stat(dir)
	return err == nil
}

// signal sends a signal to the container's process. One that is to end it wakes it up, as in Docker.
func (m *managed) signal(r *run, sig syscall.Signal, end bool) error {
	m.s.emit(container.EventKill, m.rec, "signal", spec.SignalName(sig))
	if err := r.rc.Signal(sig); err != nil || !end || m.state().State.Status != container.StatusPaused {
		return err
	}
	err := m.resume(r)
	if errors.Is(err, api.ErrNotPaused) || errors.Is(err, api.ErrNotRunning) {
		return nil // another did it, or it ended
	}
	return err
}

// ends says whether a signal is one that is meant to end the container.
func (m *managed) ends(sig syscall.Signal) bool {
	if sig == killSignal {
		return true
	}
	stop, err := spec.ParseSignal(m.rec.Options.Lifecycle.StopSignal)
	if m.rec.Options.Lifecycle.StopSignal == "" {
		stop, err = syscall.SIGTERM, nil
	}
	return err == nil && sig == stop
}
