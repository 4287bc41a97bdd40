//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/container"
)

// place is a running container's place on networks and its published ports.
type netPlace struct {
	ns    *network.Netns
	ends  []*network.Endpoint
	ports *network.Publication
}

// endpoints returns the networks that a container joins.
func endpoints(o *container.Options) []container.Endpoint {
	switch {
	case len(o.Networks) > 0:
		return o.Networks
	case o.Network == "":
		return []container.Endpoint{{Network: string(container.NetworkDefault)}}
	}
	return nil
}

// joinNetworks gives a container that is about to start a network namespace on its networks, with its ports bound.
// It returns nil for a container that has no network of its own.
func (m *managed) joinNetworks(ctx context.Context) (*netPlace, error) {
	eps := endpoints(&m.rec.Options)
	if len(eps) == 0 && len(m.rec.Options.Ports) == 0 {
		return nil, nil
	}
	p := &netPlace{}
	if err := m.join(ctx, p, eps); err != nil {
		return nil, errors.Join(networkError(err), p.leave())
	}
	return p, nil
}

func (m *managed) join(ctx context.Context, p *netPlace, eps []container.Endpoint) (err error) {
	if p.ports, err = network.Publish(ctx, mappings(m.rec.Options.Ports), network.PublishOptions{Logger: m.s.Logger}); err != nil {
		return err
	}
	if p.ns, err = network.NewNetns(); err != nil {
		return err
	}
	for _, ep := range eps {
		if err := m.joinOne(ctx, p, ep); err != nil {
			return err
		}
	}
	if len(eps) == 0 {
		if err := p.ns.LoopbackUp(); err != nil {
			return err
		}
	}
	if len(m.rec.Options.Ports) > 0 {
		return p.activate()
	}
	return nil
}

func (m *managed) joinOne(ctx context.Context, p *netPlace, ep container.Endpoint) error {
	nw, err := m.s.nets.join(ctx, ep.Network)
	if err != nil {
		return err
	}
	opts := network.EndpointOptions{
		Netns: p.ns, Container: m.rec.ID, Name: m.rec.Name, Aliases: append([]string{hostname(m.rec)}, ep.Aliases...), IPv4: ep.IPv4, IPv6: ep.IPv6,
	}
	if ep.MAC != "" {
		if opts.MAC, err = net.ParseMAC(ep.MAC); err != nil {
			return invalid("network %s: MAC: %w", ep.Network, err)
		}
	}
	for _, d := range m.rec.Options.DNS.Servers {
		a, err := netip.ParseAddr(d)
		if err != nil {
			return invalid("Options.DNS.Servers: %w", err)
		}
		opts.Resolvers = append(opts.Resolvers, netip.AddrPortFrom(a, 53))
	}
	end, err := nw.Attach(ctx, opts)
	if err != nil {
		return err
	}
	p.ends = append(p.ends, end)
	return nil
}

// activate lets connections to the published ports through to the container's first address, or to its loopback.
func (p *netPlace) activate() error {
	var v4, v6 netip.Addr
	if len(p.ends) > 0 {
		info := p.ends[0].Info()
		v4, v6 = info.IPv4.Addr(), info.IPv6.Addr()
	}
	return p.ports.Activate(p.ns, v4, v6)
}

// leave frees ports, names and addresses. The interfaces go with the namespace.
func (p *netPlace) leave() error {
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

// apply makes the specification use the namespace.
func (p *netPlace) apply(spec *specs.Spec) {
	if p == nil {
		return
	}
	for i := range spec.Linux.Namespaces {
		if n := &spec.Linux.Namespaces[i]; n.Type == specs.NetworkNamespace {
			n.Path = p.ns.Path()
		}
	}
}

func mappings(ports []container.Port) []network.PortMapping {
	var out []network.PortMapping
	for _, p := range ports {
		m := network.PortMapping{HostPort: p.Host, ContainerPort: p.Container, Proto: p.Protocol}
		if p.HostIP != "" {
			m.HostIP = netip.MustParseAddr(p.HostIP) // validated at Create
		}
		if p.Count > 1 {
			m.ContainerPortEnd = p.Container + p.Count - 1
			if p.Host != 0 {
				m.HostPortEnd = p.Host + p.Count - 1
			}
		}
		out = append(out, m)
	}
	return out
}

// describeEndpoints tells what Inspect shows.
func (p *netPlace) describe() (eps []container.EndpointInfo, ports []container.PortBinding) {
	if p == nil {
		return nil, nil
	}
	for _, e := range p.ends {
		i := e.Info()
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

// writeNetFiles writes hosts and resolv.conf for a container on networks, in place: they are mounted.
func (m *managed) writeNetFiles(p *netPlace) error {
	if p == nil || len(p.ends) == 0 {
		return nil
	}
	host, err := network.ReadResolvConf("/etc/resolv.conf")
	if err != nil {
		return err
	}
	o := network.EtcOptions{Hostname: hostname(m.rec), Domain: m.rec.Options.Domain, Host: host, DNSSearch: m.rec.Options.DNS.Search, DNSOptions: m.rec.Options.DNS.Options}
	for _, e := range p.ends {
		o.Endpoints = append(o.Endpoints, e.Info())
	}
	for _, h := range m.rec.Options.Hosts {
		name, addr, _ := strings.Cut(h, ":")
		a := o.Endpoints[0].Host
		if addr != "host-gateway" {
			if a, err = netip.ParseAddr(strings.Trim(addr, "[]")); err != nil {
				return invalid("Options.Hosts %q: %w", h, err)
			}
		}
		o.ExtraHosts = append(o.ExtraHosts, network.HostsEntry{Addr: a, Name: name})
	}
	for file, b := range map[string][]byte{"hosts": network.RenderHosts(o), "resolv.conf": network.RenderResolvConf(o)} {
		if err := os.WriteFile(filepath.Join(m.s.dir(m.rec.ID), file), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// validateNetwork refuses what can't be, and names the networks that Network means.
func validateNetwork(o *container.Options) error {
	mode := string(o.Network)
	_, shared := strings.CutPrefix(mode, "container:")
	special := shared || o.Network == container.NetworkNone || o.Network == container.NetworkHost
	if o.Network != "" && len(o.Networks) > 0 {
		return invalid("Options.Network %q and Options.Networks are both set: set one", mode)
	}
	if o.Network == container.NetworkDefault {
		o.Network = ""
	} else if mode != "" && !special {
		o.Network, o.Networks = "", []container.Endpoint{{Network: mode}}
	}
	var names []string
	for i, ep := range o.Networks {
		if ep.Network == "" || slices.Contains(names, ep.Network) {
			return invalid("Options.Networks[%d].Network %q: it must name a network, each one once", i, ep.Network)
		}
		names = append(names, ep.Network)
	}
	if len(o.Ports) > 0 && (shared || o.Network == container.NetworkHost) {
		return invalid("Options.Ports: a container on network %s can't publish ports: they are %s's", mode, mode)
	}
	for i, p := range o.Ports {
		if field, wrong := portError(p); field != "" {
			return invalid("Options.Ports[%d].%s", i, field+" "+wrong)
		}
		if j := slices.IndexFunc(o.Ports[:i], func(other container.Port) bool { return samePort(p, other) }); j >= 0 {
			return invalid("Options.Ports[%d].Host %d: Options.Ports[%d] has it on the same address", i, p.Host, j)
		}
	}
	return nil
}

// samePort says whether two mappings want a port of the host that only one can have. They are valid each alone.
func samePort(a, b container.Port) bool {
	if a.Host == 0 || b.Host == 0 || protocol(a) != protocol(b) {
		return false
	}
	firstA, firstB := int(a.Host), int(b.Host)
	if firstA > firstB+int(max(b.Count, 1))-1 || firstB > firstA+int(max(a.Count, 1))-1 {
		return false
	}
	addrA, addrB := hostAddr(a), hostAddr(b)
	return addrA == addrB || addrA.Is4() == addrB.Is4() && (addrA.IsUnspecified() || addrB.IsUnspecified())
}

func protocol(p container.Port) string {
	if p.Protocol == "" {
		return "tcp"
	}
	return p.Protocol
}

func hostAddr(p container.Port) netip.Addr {
	if p.HostIP == "" {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.MustParseAddr(p.HostIP)
}

// portError names the field that has a wrong value, and says what is wrong with it.
func portError(p container.Port) (field, wrong string) {
	last := int(max(p.Count, 1)) - 1
	switch {
	case p.Container == 0:
		return "Container", "is 0: name the port in the container"
	case int(p.Container)+last > 65535 || int(p.Host)+last > 65535:
		return "Count", fmt.Sprintf("%d: it goes beyond port 65535", p.Count)
	case p.Protocol != "" && p.Protocol != "tcp" && p.Protocol != "udp":
		return "Protocol", fmt.Sprintf("%q: use tcp or udp", p.Protocol)
	}
	if p.HostIP != "" {
		if _, err := netip.ParseAddr(p.HostIP); err != nil {
			return "HostIP", fmt.Sprintf("%q: it must be an address as 127.0.0.1", p.HostIP)
		}
	}
	return "", ""
}
