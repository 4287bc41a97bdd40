//go:build linux

package networks

import (
	"errors"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/atomicfile"
)

func (s *Service) create(r *http.Request, opts container.NetworkOptions) (*container.NetworkInfo, error) {
	ctx := r.Context()
	if err := validate(opts); err != nil {
		return nil, err
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer lock.Unlock()
	if _, err := s.Describe(opts.Name); err == nil {
		return nil, api.Errorf(api.ErrNameInUse, "network %s: it exists: remove it, or choose another name", opts.Name)
	} else if errors.Is(err, api.ErrCorrupt) {
		return nil, err
	}
	if err := s.free(opts); err != nil {
		return nil, err
	}
	s.sweep()
	m, err := s.manager()
	if err != nil {
		return nil, err
	}
	d := &Description{NetworkOptions: opts, Created: time.Now()}
	info, err := m.Create(ctx, d.spec())
	if err != nil {
		return nil, Error(err)
	}
	d.chosen(info) // with every choice made it is the same network after the last agent has gone
	if err := s.save(d); err != nil {
		return nil, errors.Join(err, m.Remove(ctx, opts.Name))
	}
	s.emit(container.EventCreate, d.Name)
	return &container.NetworkInfo{NetworkOptions: d.NetworkOptions, ID: d.ID(), Created: d.Created}, nil
}

// sweep removes descriptions that a process was writing when it was killed; the networks' lock is held.
func (s *Service) sweep() {
	left, _ := filepath.Glob(filepath.Join(s.cfg.Dir, "*.json"+atomicfile.Suffix)) // the pattern is good
	for _, path := range left {
		_ = os.Remove(path) // the next one tries again
	}
}

// free refuses subnets that a created network has, also one that no agent holds, which package network does not know.
func (s *Service) free(o container.NetworkOptions) error {
	taken, err := s.subnets()
	if err != nil {
		return err
	}
	for _, p := range []netip.Prefix{o.IPv4, o.IPv6} {
		if hit, overlap := plan.FirstOverlap(p, taken); p.IsValid() && overlap {
			return invalid("create network %s: %s: %w with %s, which another network uses: choose another, or none to take a free one",
				o.Name, p, plan.ErrSubnetOverlap, hit)
		}
	}
	return nil
}

// validate refuses what no network can have, by the field's name. What others use, the network itself finds out.
func validate(o container.NetworkOptions) error {
	if err := names.CheckNetwork("NetworkOptions.Name", o.Name); err != nil {
		return err
	}
	switch container.NetworkMode(o.Name) {
	case container.NetworkDefault, container.NetworkHost, container.NetworkNone:
		return invalid("NetworkOptions.Name %q: the engine uses this name itself: choose another", o.Name)
	}
	if err := validateSubnets(o); err != nil {
		return err
	}
	if o.MTU != 0 && (o.MTU < 1280 || o.MTU > 65520) {
		return invalid("NetworkOptions.MTU %d: it must be between 1280 and 65520", o.MTU)
	}
	return names.CheckLabels("NetworkOptions.Labels", o.Labels)
}

func validateSubnets(o container.NetworkOptions) error {
	for _, f := range []struct {
		name, want string
		subnet     netip.Prefix
		part       netip.Prefix
		gateway    netip.Addr
		fits       bool
	}{
		{"4", "an IPv4 prefix from /8 to /29", o.IPv4, o.IPv4Range, o.Gateway4, o.IPv4.Addr().Is4() && o.IPv4.Bits() >= 8 && o.IPv4.Bits() <= 29},
		{"6", "an IPv6 prefix of at most /120", o.IPv6, o.IPv6Range, o.Gateway6, o.IPv6.Addr().Is6() && o.IPv6.Bits() <= 120},
	} {
		a := f.subnet.Addr()
		switch {
		case f.subnet.IsValid() && (!f.fits || a.IsLoopback() || a.IsMulticast() || a.IsUnspecified() || a.IsLinkLocalUnicast()):
			return invalid("NetworkOptions.IPv%s %s: use %s that is not loopback, multicast or link-local", f.name, f.subnet, f.want)
		case f.part.IsValid() && !f.subnet.IsValid():
			return invalid("NetworkOptions.IPv%sRange %s: it is a part of IPv%s: set that too", f.name, f.part, f.name)
		case f.part.IsValid() && !plan.Within(f.subnet, f.part):
			return invalid("NetworkOptions.IPv%sRange %s: it is not a part of %s with an address for a container", f.name, f.part, f.subnet)
		case !f.gateway.IsValid():
		case !f.subnet.IsValid():
			return invalid("NetworkOptions.Gateway%s %s: it is an address of IPv%s: set that too", f.name, f.gateway, f.name)
		case !plan.Usable(f.subnet, f.gateway):
			return invalid("NetworkOptions.Gateway%s %s: it is not a host address in %s", f.name, f.gateway, f.subnet)
		}
	}
	return nil
}
