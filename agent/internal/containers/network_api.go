//go:build linux

package containers

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) routeNetworks(mux *wire.Mux) {
	mux.Handle(api.NetworkCreate, wire.Handle(s.createNetwork))
	mux.Handle(api.NetworkList, wire.Handle(s.listNetworks))
	mux.Handle(api.NetworkGet, wire.Handle(s.getNetwork))
	mux.Handle(api.NetworkRemove, wire.Handle(s.removeNetwork))
	mux.Handle(api.NetworkPrune, wire.Handle(s.pruneNetworks))
	mux.Handle(api.ContainerConnect, s.settled(wire.Handle(s.connect)))
	mux.Handle(api.ContainerDisconnect, s.settled(wire.Handle(s.disconnect)))
	mux.Handle(api.ContainerSocket, wire.Handle(s.socketOf))
	mux.Handle(api.ContainerDial, s.dial)
	mux.Handle(api.ContainerListen, s.listen)
}

func (s *Service) createNetwork(r *http.Request, opts container.NetworkOptions) (*container.NetworkInfo, error) {
	ctx := r.Context()
	if !names.Valid(opts.Name) {
		return nil, invalid("NetworkOptions.Name %q: it must match %s", opts.Name, names.Pattern())
	}
	switch container.NetworkMode(opts.Name) {
	case container.NetworkDefault, container.NetworkHost, container.NetworkNone:
		return nil, invalid("NetworkOptions.Name %q: the name is taken by the engine: choose another", opts.Name)
	}
	if err := validateSubnets(opts); err != nil {
		return nil, err
	}
	lock, err := s.lockNetworks(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if _, err := s.describe(opts.Name); err == nil {
		return nil, api.Errorf(api.ErrNameInUse, "network %s: it exists: remove it, or choose another name", opts.Name)
	}
	m, err := s.nets.manager()
	if err != nil {
		return nil, err
	}
	d := &description{NetworkOptions: opts, Created: time.Now()}
	info, err := m.Create(ctx, d.spec())
	if err != nil {
		return nil, networkError(err)
	}
	// With every choice made: it is the same network after the last agent has gone.
	d.IPv4, d.IPv6, d.Gateway4, d.Gateway6, d.MTU = info.IPv4, info.IPv6, info.Gateway4, info.Gateway6, info.MTU
	if err := s.saveNetwork(d); err != nil {
		return nil, errors.Join(err, m.Remove(ctx, opts.Name))
	}
	s.emitNetwork(container.EventCreate, d.Name, "")
	return &container.NetworkInfo{NetworkOptions: d.NetworkOptions, Created: d.Created}, nil
}

// validateSubnets refuses what no network can have, by the field's name. What others use, the network itself finds out.
func validateSubnets(o container.NetworkOptions) error {
	const field = "NetworkOptions."
	for _, f := range []struct {
		name, want string
		subnet     netip.Prefix
		gateway    netip.Addr
		fits       bool
	}{
		{"4", "an IPv4 prefix from /8 to /29", o.IPv4, o.Gateway4, o.IPv4.Addr().Is4() && o.IPv4.Bits() >= 8 && o.IPv4.Bits() <= 29},
		{"6", "an IPv6 prefix of at most /120", o.IPv6, o.Gateway6, o.IPv6.Addr().Is6() && o.IPv6.Bits() <= 120},
	} {
		a := f.subnet.Addr()
		switch {
		case f.subnet.IsValid() && (!f.fits || a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() || a.IsLinkLocalUnicast()):
			return invalid(field+"IPv%s %s: use %s that is no loopback's, multicast or link-local", f.name, f.subnet, f.want)
		case !f.gateway.IsValid():
		case !f.subnet.IsValid():
			return invalid(field+"Gateway%s %s: it is an address of IPv%s: set that too", f.name, f.gateway, f.name)
		case !network.Usable(f.subnet, f.gateway):
			return invalid(field+"Gateway%s %s: it is no host's address in %s", f.name, f.gateway, f.subnet)
		}
	}
	if o.MTU != 0 && (o.MTU < 1280 || o.MTU > 65520) {
		return invalid(field+"MTU %d: from 1280 to 65520", o.MTU)
	}
	return names.CheckLabels(field+"Labels", o.Labels)
}

func (s *Service) saveNetwork(d *description) error {
	b, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.networksDir(), 0o700); err != nil {
		return err
	}
	path := filepath.Join(s.networksDir(), d.Name+".json")
	if err := os.WriteFile(path+".new", b, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (s *Service) listNetworks(*http.Request, wire.None) ([]container.NetworkInfo, error) {
	all, err := s.descriptions()
	if err != nil {
		return nil, err
	}
	infos := []container.NetworkInfo{}
	for _, d := range all {
		info, err := s.networkInfo(d)
		if err != nil {
			return nil, err
		}
		infos = append(infos, *info)
	}
	return infos, nil
}

func (s *Service) getNetwork(_ *http.Request, in api.Name) (*container.NetworkInfo, error) {
	d, err := s.describe(in.Name)
	if err != nil {
		return nil, err
	}
	return s.networkInfo(d)
}

func (s *Service) networkInfo(d *description) (*container.NetworkInfo, error) {
	out := &container.NetworkInfo{NetworkOptions: d.NetworkOptions, Created: d.Created}
	m, err := s.nets.manager()
	if err != nil {
		return nil, err
	}
	info, err := m.Inspect(d.Name)
	if errors.Is(err, network.ErrNotFound) {
		return out, nil // no agent has it: no container is on it
	}
	if err != nil {
		return nil, networkError(err)
	}
	out.IPv4, out.IPv6, out.Gateway4, out.Gateway6, out.MTU = info.IPv4, info.IPv6, info.Gateway4, info.Gateway6, info.MTU
	out.Containers = map[string]string{}
	for _, ep := range info.Endpoints {
		out.Containers[ep.Container] = ep.Name
	}
	return out, nil
}

func (s *Service) removeNetwork(r *http.Request, in api.Name) (wire.None, error) {
	name := in.Name
	lock, err := s.lockNetworks(r.Context())
	if err != nil {
		return wire.None{}, err
	}
	defer lock.Unlock()
	if name == string(container.NetworkDefault) {
		return wire.None{}, invalid("network %s: it is the default one and stays", name)
	}
	if _, err := s.describe(name); err != nil {
		return wire.None{}, err
	}
	user, err := s.userOfNetwork(r.Context(), name)
	if err != nil {
		return wire.None{}, err
	}
	if user != "" {
		return wire.None{}, api.Errorf(api.ErrInUse, "network %s: container %s is on it: disconnect or remove that first", name, user)
	}
	return wire.None{}, s.dropNetwork(r.Context(), name)
}

// dropNetwork removes a network that no container uses; the networks' lock is held.
func (s *Service) dropNetwork(ctx context.Context, name string) error {
	m, err := s.nets.manager()
	if err != nil {
		return err
	}
	s.nets.forget(name)
	if err := m.Remove(ctx, name); err != nil && !errors.Is(err, network.ErrNotFound) {
		return networkError(err)
	}
	if err := os.Remove(filepath.Join(s.networksDir(), name+".json")); err != nil {
		return err
	}
	s.emitNetwork(container.EventDestroy, name, "")
	return nil
}

// userOfNetwork returns the name of a container that is on the network or would join it.
func (s *Service) userOfNetwork(ctx context.Context, name string) (string, error) {
	entries, err := os.ReadDir(s.layout.Containers())
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		rec, err := s.loadRecord(e.Name())
		if errors.Is(err, api.ErrNotFound) {
			continue
		}
		if err != nil {
			return "", err
		}
		for _, ep := range rec.Options.Networks {
			if ep.Network == name {
				return rec.Name, nil
			}
		}
	}
	return "", ctx.Err()
}

func (s *Service) pruneNetworks(r *http.Request, _ wire.None) ([]string, error) {
	lock, err := s.lockNetworks(r.Context())
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	all, err := s.descriptions()
	if err != nil {
		return nil, err
	}
	removed := []string{}
	for _, d := range all {
		if d.Name == string(container.NetworkDefault) {
			continue
		}
		user, err := s.userOfNetwork(r.Context(), d.Name)
		if err != nil {
			return removed, err
		}
		if user != "" {
			continue
		}
		if err := s.dropNetwork(r.Context(), d.Name); err != nil {
			return removed, err
		}
		removed = append(removed, d.Name)
	}
	return removed, nil
}

// forget lets go of a network that is being removed.
func (n *networks) forget(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if nw := n.joined[name]; nw != nil {
		delete(n.joined, name)
		_ = nw.Leave() // Remove says what is wrong, if anything is
	}
}
