//go:build linux

package containers

import (
	"net/http"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func notRunning(id string, st container.Status) error {
	return api.Errorf(api.ErrNotRunning, "container %s: it is not running (%s): start it first", names.Short(id), st)
}

func (s *Service) stop(r *http.Request, opts container.StopOptions) (wire.None, error) {
	m := s.mine(r.PathValue("id"))
	if m == nil {
		return wire.None{}, nil // it does not run
	}
	if opts.Signal != "" {
		if _, err := spec.ParseSignal(opts.Signal); err != nil {
			return wire.None{}, err
		}
	}
	timeout := opts.Timeout
	if timeout == 0 {
		timeout = stopTimeout(m.rec)
	}
	done := make(chan error, 1)
	go func() { done <- m.stop(opts.Signal, timeout) }()
	select {
	case err := <-done:
		return wire.None{}, err
	case <-r.Context().Done(): // the stop goes on, as in Docker
		return wire.None{}, r.Context().Err()
	}
}

// stop sends the stop signal, waits, and kills.
func (m *managed) stop(signal string, timeout time.Duration) error {
	m.callOff()
	r, err := m.current()
	if err != nil {
		return nil // it does not run
	}
	if signal == "" {
		signal = m.rec.Options.Lifecycle.StopSignal
	}
	if signal == "" {
		signal = "SIGTERM"
	}
	sig, err := spec.ParseSignal(signal)
	if err != nil {
		return err
	}
	if err := m.signal(r, sig, true); err != nil {
		return err
	}
	if timeout >= 0 {
		t := time.NewTimer(timeout)
		defer t.Stop()
		select {
		case <-r.done:
		case <-t.C:
			if err := m.signal(r, killSignal, true); err != nil {
				return err
			}
		}
	}
	<-r.done
	m.s.emit(container.EventStop, m.rec)
	return nil
}

func (s *Service) kill(r *http.Request, in api.KillRequest) (wire.None, error) {
	id := r.PathValue("id")
	name := in.Signal
	if name == "" {
		name = "SIGKILL"
	}
	sig, err := spec.ParseSignal(name)
	if err != nil {
		return wire.None{}, err
	}
	m := s.mine(id)
	if m == nil {
		st, err := s.records.State(id)
		if err != nil {
			return wire.None{}, err
		}
		return wire.None{}, notRunning(id, st.State.Status)
	}
	run, err := m.current()
	if err != nil {
		return wire.None{}, err
	}
	if m.ends(sig) {
		m.callOff()
	}
	return wire.None{}, m.signal(run, sig, m.ends(sig))
}
