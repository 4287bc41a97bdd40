//go:build linux

package networks

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/publish"
	"github.com/caisson-dev/caisson/agent/internal/network/share"
	"github.com/caisson-dev/caisson/container"
)

// Member is a container that joins networks.
type Member struct {
	ID, Name  string
	Hostname  string       // an alias on each network
	Resolvers []netip.Addr // that the networks' name servers ask for it; none: the host's
	Endpoints []container.Endpoint
	Ports     []container.Port // to publish
	HostPorts plan.HostPorts   // of the host's loopback that it reaches
}

// Place is a running container's place on networks, and its published ports. The nil Place is that of a container
// without a network of its own.
type Place struct {
	s     *Service
	m     Member
	ns    *netns.NS
	ends  []*network.Endpoint
	ports *publish.Publication
}

// Join gives a container that is about to start a network namespace on its networks, with its ports bound. It returns
// nil for a container that has neither.
func (s *Service) Join(ctx context.Context, m Member) (*Place, error) {
	if len(m.Endpoints) == 0 && len(m.Ports) == 0 {
		return nil, nil
	}
	p := &Place{s: s, m: m}
	if err := p.join(ctx); err != nil {
		return nil, errors.Join(Error(err), p.Leave())
	}
	return p, nil
}

func (p *Place) join(ctx context.Context) (err error) {
	m, err := p.s.manager()
	if err != nil {
		return err
	}
	opts := publish.Options{Logger: p.s.cfg.Logger, Admit: p.m.admit(m.Shares())}
	if p.ports, err = publish.Bind(ctx, mappings(p.m.Ports), opts); err != nil {
		return err
	}
	if p.ns, err = netns.New(); err != nil {
		return err
	}
	for _, ep := range p.m.Endpoints {
		if err := p.attach(ctx, ep); err != nil {
			return err
		}
	}
	if len(p.m.Endpoints) == 0 {
		if err := p.ns.LoopbackUp(); err != nil {
			return err
		}
	}
	if len(p.m.Ports) > 0 {
		return p.activate()
	}
	return nil
}

func (p *Place) attach(ctx context.Context, ep container.Endpoint) error {
	nw, err := p.s.hold(ctx, ep.Network)
	if err != nil {
		return err
	}
	opts, err := p.m.endpoint(ep)
	if err != nil {
		return err
	}
	opts.Netns = p.ns
	end, err := nw.Attach(ctx, opts)
	if err != nil {
		return err
	}
	p.ends = append(p.ends, end)
	return nil
}

// admit counts what clients of the published ports have opened as the container's, on its first network.
func (m *Member) admit(shares *share.Pool) func(int) (func(), bool) {
	group := ""
	if len(m.Endpoints) > 0 {
		group = m.Endpoints[0].Network
	}
	return func(descriptors int) (func(), bool) {
		lease := shares.Take(group, m.ID, share.Amount{share.Descriptors: descriptors})
		return lease.Release, lease != nil
	}
}

// endpoint is what a network is asked for, without the namespace.
func (m Member) endpoint(ep container.Endpoint) (network.EndpointOptions, error) {
	opts := network.EndpointOptions{
		Container: m.ID, Name: m.Name, Aliases: append([]string{m.Hostname}, ep.Aliases...), IPv4: ep.IPv4, IPv6: ep.IPv6,
		HostPorts: m.HostPorts,
	}
	if ep.MAC != "" {
		mac, err := net.ParseMAC(ep.MAC)
		if err != nil {
			return opts, invalid("network %s: MAC: %w", ep.Network, err)
		}
		opts.MAC = mac
	}
	for _, a := range m.Resolvers {
		opts.Resolvers = append(opts.Resolvers, netip.AddrPortFrom(a, 53))
	}
	return opts, nil
}

// activate lets connections to the published ports through to the container's first address, or to its loopback.
func (p *Place) activate() error {
	var v4, v6 netip.Addr
	if len(p.ends) > 0 {
		info := p.ends[0].Info()
		v4, v6 = info.IPv4.Addr(), info.IPv6.Addr()
	}
	return p.ports.Activate(p.ns, v4, v6)
}

// Connect joins one more network.
func (p *Place) Connect(ctx context.Context, ep container.Endpoint) error {
	return Error(p.attach(ctx, ep))
}

// Rename makes the networks know the container by another name, and no more by the old one.
func (p *Place) Rename(name string) error {
	if p == nil {
		return nil
	}
	p.m.Name = name // for networks that it joins later
	var errs []error
	for _, e := range p.ends {
		errs = append(errs, e.Rename(name, e.Info().Aliases))
	}
	return Error(errors.Join(errs...))
}

// Disconnect leaves a network, if the container is on it.
func (p *Place) Disconnect(ctx context.Context, name string) error {
	if p == nil {
		return nil
	}
	i := slices.IndexFunc(p.ends, func(e *network.Endpoint) bool { return e.Info().Network == name })
	if i < 0 {
		return nil
	}
	if err := p.ends[i].Detach(ctx); err != nil {
		return Error(err)
	}
	p.ends = slices.Delete(p.ends, i, i+1)
	return nil
}

// Leave frees ports, names and addresses. The interfaces go with the namespace.
func (p *Place) Leave() error {
	if p == nil {
		return nil
	}
	var errs []error
	if p.ports != nil {
		errs = append(errs, p.ports.Close())
	}
	for _, e := range p.ends {
		errs = append(errs, e.Release(context.Background()))
	}
	if p.ns != nil {
		errs = append(errs, p.ns.Close())
	}
	return errors.Join(errs...)
}

// Apply makes the specification use the namespace.
func (p *Place) Apply(spec *specs.Spec) {
	if p == nil {
		return
	}
	for i := range spec.Linux.Namespaces {
		if n := &spec.Linux.Namespaces[i]; n.Type == specs.NetworkNamespace {
			n.Path = p.ns.Path()
		}
	}
}

// Endpoints are what the container has on each network, for /etc/hosts and /etc/resolv.conf.
func (p *Place) Endpoints() []plan.EndpointInfo {
	if p == nil {
		return nil
	}
	var infos []plan.EndpointInfo
	for _, e := range p.ends {
		infos = append(infos, e.Info())
	}
	return infos
}

// Info is what Inspect shows.
func (p *Place) Info() (eps []container.EndpointInfo, ports []container.PortBinding) {
	if p == nil {
		return nil, nil
	}
	for _, i := range p.Endpoints() {
		eps = append(eps, container.EndpointInfo{
			Network: i.Network, Aliases: i.Aliases, Interface: i.Interface, MAC: i.MAC, IPv4: i.IPv4, IPv6: i.IPv6,
			Gateway4: i.Gateway4, Gateway6: i.Gateway6,
		})
	}
	for _, b := range p.ports.Bindings() {
		ports = append(ports, container.PortBinding{Host: b.Host, Container: b.Container, Protocol: b.Proto})
	}
	return eps, ports
}
