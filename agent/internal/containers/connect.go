//go:build linux

package containers

import (
	"context"
	"net/http"
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// connect joins a container to one more network.
func (s *Service) connect(r *http.Request, ep container.Endpoint) (wire.None, error) {
	return wire.None{}, s.changeNetworks(r, func(m *managed, rec *records.Record) error {
		eps := endpoints(&rec.Options)
		if slices.ContainsFunc(eps, func(e container.Endpoint) bool { return e.Network == ep.Network }) {
			return api.Errorf(api.ErrInUse, "container %s: it is on network %s already", names.Short(rec.ID), ep.Network)
		}
		d, err := s.networks.Describe(ep.Network)
		if err != nil {
			return err
		}
		if err := d.Check("Endpoint", ep); err != nil {
			return err
		}
		opts := rec.Options
		opts.Network, opts.Networking.Endpoints = "", append(slices.Clone(eps), ep)
		if err := spec.ValidateNetwork(opts); err != nil {
			return err
		}
		if m != nil {
			if err := m.joinRunning(r.Context(), ep); err != nil {
				return err
			}
		}
		rec.Options = opts
		s.emitNetwork(container.EventConnect, ep.Network, rec.ID)
		return nil
	})
}

// disconnect takes a container from a network.
func (s *Service) disconnect(r *http.Request, in api.Name) (wire.None, error) {
	name := in.Name
	return wire.None{}, s.changeNetworks(r, func(m *managed, rec *records.Record) error {
		eps := slices.Clone(endpoints(&rec.Options))
		i := slices.IndexFunc(eps, func(e container.Endpoint) bool { return e.Network == name })
		if i < 0 {
			return api.Errorf(api.ErrNotFound, "container %s: it is not on network %s", names.Short(rec.ID), name)
		}
		if m != nil {
			if err := m.leaveRunning(r.Context(), name); err != nil {
				return err
			}
		}
		rec.Options.Networking.Endpoints = slices.Delete(eps, i, i+1)
		rec.Options.Network = ""
		if len(rec.Options.Networking.Endpoints) == 0 {
			rec.Options.Network = container.NetworkNone
		}
		s.emitNetwork(container.EventDisconnect, name, rec.ID)
		return nil
	})
}

// changeNetworks changes the record of a container, whether it runs here or does not run.
func (s *Service) changeNetworks(r *http.Request, change func(*managed, *records.Record) error) error {
	id := r.PathValue("id")
	if m := s.mine(id); m != nil {
		m.op.Lock()
		defer m.op.Unlock()
		running := m
		if !live(m.state().State.Status) {
			running = nil
		}
		rec := *m.rec
		if err := change(running, &rec); err != nil {
			return err
		}
		m.rec.Options.Network, m.rec.Options.Networking.Endpoints = rec.Options.Network, rec.Options.Networking.Endpoints
		return s.records.SaveRecord(m.rec)
	}
	lock, err := s.lock(r.Context(), id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	rec, err := s.records.Record(id)
	if err != nil {
		return err
	}
	if err := change(nil, rec); err != nil {
		return err
	}
	return s.records.SaveRecord(rec)
}

func (m *managed) joinRunning(ctx context.Context, ep container.Endpoint) error {
	run, err := m.current()
	if err != nil {
		return err
	}
	if run.net == nil {
		return invalid("container %s: it uses the network of the host or of another container: it can't join %s", names.Short(m.rec.ID), ep.Network)
	}
	if err := run.net.Connect(ctx, ep); err != nil {
		return err
	}
	return m.netChanged(run)
}

func (m *managed) leaveRunning(ctx context.Context, name string) error {
	run, err := m.current()
	if err != nil {
		return err
	}
	if err := run.net.Disconnect(ctx, name); err != nil {
		return err
	}
	return m.netChanged(run)
}

// netChanged tells the container and Inspect where the container is now.
func (m *managed) netChanged(run *run) error {
	if err := m.writeNetFiles(run.net); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.st.Networks, m.st.Ports = run.net.Info()
	return m.saveState()
}
