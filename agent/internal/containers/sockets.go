//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/process"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// socketOf tells where the agent that manages the container serves.
func (s *Service) socketOf(r *http.Request, _ wire.None) (string, error) {
	id := r.PathValue("id")
	target, err := s.find(r.Context(), id, func(*State) bool { return false })
	if err != nil {
		return "", err
	}
	if target != "" {
		return target, nil
	}
	m := s.mine(id)
	if m == nil || !live(m.state().State) {
		st, err := s.loadState(id)
		if err != nil {
			return "", err
		}
		return "", notRunning(id, st.State)
	}
	return s.Socket, nil
}

func (s *Service) dial(w http.ResponseWriter, r *http.Request) {
	s.sendSocket(w, r, func(ctx context.Context, ns *network.Netns, kind, address string) (io.Closer, error) {
		return network.DialIn(ctx, ns, kind, address)
	})
}

func (s *Service) listen(w http.ResponseWriter, r *http.Request) {
	s.sendSocket(w, r, func(ctx context.Context, ns *network.Netns, kind, address string) (io.Closer, error) {
		return network.ListenIn(ctx, ns, kind, address)
	})
}

// sendSocket makes a socket in the container's network namespace and gives it to the client.
func (s *Service) sendSocket(w http.ResponseWriter, r *http.Request, open func(context.Context, *network.Netns, string, string) (io.Closer, error)) {
	var req api.SocketRequest
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	f, err := s.openSocket(r, req, open)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer f.Close()
	conn, br, err := hijack(w)
	if err != nil {
		wire.Fail(w, err)
		return
	}
	defer conn.Close()
	if _, err := br.ReadByte(); err != nil { // it has read the header
		return
	}
	if uc, ok := conn.(*net.UnixConn); ok {
		_, _, _ = uc.WriteMsgUnix([]byte{1}, unix.UnixRights(int(f.Fd())), nil) // the client is gone when this fails
	}
}

func (s *Service) openSocket(r *http.Request, req api.SocketRequest, open func(context.Context, *network.Netns, string, string) (io.Closer, error)) (*os.File, error) {
	id := r.PathValue("id")
	m := s.mine(id)
	if m == nil {
		return nil, notFound(id)
	}
	run, err := m.current()
	if err != nil {
		return nil, err
	}
	ns, err := process.Look(run.proc.Process, func(pid int) (*network.Netns, error) {
		return network.OpenNetns(fmt.Sprintf("/proc/%d/ns/net", pid))
	})
	if err != nil {
		return nil, err
	}
	defer ns.Close()
	c, err := open(r.Context(), ns, req.Network, req.Address)
	if err != nil {
		return nil, networkError(err)
	}
	defer c.Close()
	filer, ok := c.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, errors.New("the socket has no file")
	}
	return filer.File()
}

// connect joins a container to one more network.
func (s *Service) connect(r *http.Request, ep container.Endpoint) (wire.None, error) {
	return wire.None{}, s.changeNetworks(r, func(m *managed, rec *Record) error {
		eps := endpoints(&rec.Options)
		if slices.ContainsFunc(eps, func(e container.Endpoint) bool { return e.Network == ep.Network }) {
			return api.Errorf(api.ErrInUse, "container %s: it is on network %s already", names.Short(rec.ID), ep.Network)
		}
		d, err := s.describe(ep.Network)
		if err != nil {
			return err
		}
		if err := validateEndpoint("Endpoint", ep, d); err != nil {
			return err
		}
		opts := rec.Options
		opts.Network, opts.Networks = "", append(slices.Clone(eps), ep)
		if err := validateNetwork(&opts); err != nil {
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
	return wire.None{}, s.changeNetworks(r, func(m *managed, rec *Record) error {
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
		rec.Options.Networks = slices.Delete(eps, i, i+1)
		rec.Options.Network = ""
		if len(rec.Options.Networks) == 0 {
			rec.Options.Network = container.NetworkNone
		}
		s.emitNetwork(container.EventDisconnect, name, rec.ID)
		return nil
	})
}

// changeNetworks changes the record of a container, whether it runs here or does not run.
func (s *Service) changeNetworks(r *http.Request, change func(*managed, *Record) error) error {
	id := r.PathValue("id")
	if m := s.mine(id); m != nil {
		m.op.Lock()
		defer m.op.Unlock()
		running := m
		if !live(m.state().State) {
			running = nil
		}
		rec := *m.rec
		if err := change(running, &rec); err != nil {
			return networkError(err)
		}
		m.rec.Options.Network, m.rec.Options.Networks = rec.Options.Network, rec.Options.Networks
		return s.save(id, "config.json", m.rec)
	}
	lock, err := s.lock(r.Context(), id)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	rec, err := s.loadRecord(id)
	if err != nil {
		return err
	}
	if err := change(nil, rec); err != nil {
		return err
	}
	return s.save(id, "config.json", rec)
}

func (m *managed) joinRunning(ctx context.Context, ep container.Endpoint) error {
	run, err := m.current()
	if err != nil {
		return err
	}
	if run.net == nil {
		return invalid("container %s: it runs on the network of its host or another: it can't join %s", names.Short(m.rec.ID), ep.Network)
	}
	if err := m.joinOne(ctx, run.net, ep); err != nil {
		return err
	}
	return m.netChanged(run)
}

func (m *managed) leaveRunning(ctx context.Context, name string) error {
	run, err := m.current()
	if err != nil {
		return err
	}
	for i, e := range run.net.ends {
		if e.Info().Network == name {
			if err := e.Detach(ctx); err != nil {
				return err
			}
			run.net.ends = slices.Delete(run.net.ends, i, i+1)
			return m.netChanged(run)
		}
	}
	return nil
}

// netChanged tells the container and Inspect where the container is now.
func (m *managed) netChanged(run *run) error {
	if err := m.writeNetFiles(run.net); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.st.Networks, m.st.Ports = run.net.describe()
	return m.saveState()
}
