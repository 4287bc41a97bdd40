//go:build linux

package containers

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/container"
)

// endpoints returns the networks that a container joins.
func endpoints(o *container.Options) []container.Endpoint {
	switch {
	case len(o.Networking.Endpoints) > 0:
		return o.Networking.Endpoints
	case o.Network == "":
		return []container.Endpoint{{Network: string(container.NetworkDefault)}}
	}
	return nil
}

// member is the container as the networks know it.
func (m *managed) member() networks.Member {
	o := &m.rec.Options
	return networks.Member{ID: m.rec.ID, Name: m.rec.Name, Hostname: hostname(m.rec), Endpoints: endpoints(o), Ports: o.Ports, Resolvers: o.Networking.DNS.Servers}
}

func (m *managed) joinNetworks() (*networks.Place, error) {
	return m.s.networks.Join(context.Background(), m.member())
}

// writeNetFiles writes hosts and resolv.conf for a container on networks, in place: they are mounted.
func (m *managed) writeNetFiles(eps []network.EndpointInfo) error {
	if len(eps) == 0 {
		return nil
	}
	host, err := network.ReadResolvConf("/etc/resolv.conf")
	if err != nil {
		return err
	}
	o := network.EtcOptions{Hostname: hostname(m.rec), Domain: m.rec.Options.Networking.Domain, Host: host, Endpoints: eps, DNSSearch: m.rec.Options.Networking.DNS.Search, DNSOptions: m.rec.Options.Networking.DNS.Options}
	for _, h := range m.rec.Options.Networking.Hosts {
		name, addr, _ := strings.Cut(h, ":")
		a := o.Endpoints[0].Host
		if addr != "host-gateway" {
			if a, err = netip.ParseAddr(strings.Trim(addr, "[]")); err != nil {
				return invalid("Options.Networking.Hosts %q: %w", h, err)
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
	if o.Network != "" && len(o.Networking.Endpoints) > 0 {
		return invalid("Options.Network %q and Options.Networking.Endpoints are both set: set one", mode)
	}
	if o.Network == container.NetworkDefault {
		o.Network = ""
	} else if mode != "" && !special {
		o.Network, o.Networking.Endpoints = "", []container.Endpoint{{Network: mode}}
	}
	var names []string
	for i, ep := range o.Networking.Endpoints {
		if ep.Network == "" || slices.Contains(names, ep.Network) {
			return invalid("Options.Networking.Endpoints[%d].Network %q: it must name a network, each one once", i, ep.Network)
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
	if !p.HostIP.IsValid() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return p.HostIP
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
	return "", ""
}
