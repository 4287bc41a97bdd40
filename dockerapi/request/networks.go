package request

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
)

func (c *Create) networks(w *Wanted, known Known) error {
	h := c.HostConfig
	n := &w.Options.Networking
	n.Hostname, n.Domain = c.Hostname, c.Domainname
	n.DNS = container.DNS{Search: h.DNSSearch, Options: h.DNSOptions}
	for _, a := range h.DNS {
		if a.IsValid() {
			n.DNS.Servers = append(n.DNS.Servers, a)
		}
	}
	n.Hosts = slices.Clone(h.ExtraHosts)
	w.Extra.Host.NetworkMode, w.Extra.Host.Links = h.NetworkMode, h.Links
	for _, link := range h.Links {
		line, err := linked(link, known)
		if err != nil {
			return err
		}
		n.Hosts = append(n.Hosts, line...)
	}
	for p := range c.ExposedPorts {
		if p.IsValid() {
			n.Exposed = append(n.Exposed, p.String())
		}
	}
	slices.Sort(n.Exposed)
	mode := h.NetworkMode
	if c.NetworkDisabled {
		mode = network.NetworkNone
	}
	switch {
	case mode.IsNone() || mode.IsHost() || mode.IsContainer():
		if mode.IsContainer() && (c.Hostname != "" || len(h.Links) > 0 || len(h.DNS) > 0 || len(h.ExtraHosts) > 0 || len(h.PortBindings) > 0) {
			return conflicting(c, h)
		}
		w.Options.Network = container.NetworkMode(mode)
		return nil
	}
	return c.endpoints(w, string(mode), known)
}

// conflicting is what Docker says of what a container can't have beside the network of another.
func conflicting(c *Create, h *docker.HostConfig) error {
	what := "port publishing and the container type network mode"
	switch {
	case c.Hostname != "":
		what = "hostname and the network mode"
	case len(h.Links) > 0:
		what = "container type network can't be used with links. This would result in undefined behavior"
	case len(h.DNS) > 0:
		what = "dns and the network mode"
	case len(h.ExtraHosts) > 0:
		what = "custom host-to-IP mapping and the network mode"
	}
	return invalid("conflicting options: %s", what)
}

// endpoints are the networks that the client names, and that of the network mode, which goes first.
func (c *Create) endpoints(w *Wanted, mode string, known Known) error {
	if mode == "" || mode == network.NetworkDefault {
		mode = string(container.NetworkDefault)
	}
	given := map[string]*network.EndpointSettings{}
	if c.NetworkingConfig != nil {
		for ref, e := range c.NetworkingConfig.EndpointsConfig {
			if ref == network.NetworkDefault {
				ref = string(container.NetworkDefault)
			}
			name, err := known.Network(ref)
			if err != nil {
				return err
			}
			if e == nil {
				e = &network.EndpointSettings{}
			}
			given[name] = e
		}
	}
	own, err := known.Network(mode)
	if err != nil {
		return err
	}
	if given[own] == nil && (len(given) == 0 || own != string(container.NetworkDefault)) {
		given[own] = &network.EndpointSettings{}
	}
	names := slices.SortedFunc(maps.Keys(given), func(a, b string) int {
		if (a == own) != (b == own) {
			if a == own {
				return -1
			}
			return 1
		}
		if d := given[b].GwPriority - given[a].GwPriority; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		e, err := Endpoint(name, given[name])
		if err != nil {
			return err
		}
		if c.MacAddress != "" && e.MAC == "" && name == names[0] {
			e.MAC = c.MacAddress
		}
		w.Options.Networking.Endpoints = append(w.Options.Networking.Endpoints, e)
		if w.Extra.Endpoints == nil {
			w.Extra.Endpoints = map[string]network.EndpointSettings{}
		}
		w.Extra.Endpoints[name] = network.EndpointSettings{
			IPAMConfig: given[name].IPAMConfig, Links: given[name].Links, DriverOpts: given[name].DriverOpts, GwPriority: given[name].GwPriority,
		}
	}
	return nil
}

// Endpoint is a place on a network.
func Endpoint(name string, s *network.EndpointSettings) (container.Endpoint, error) {
	e := container.Endpoint{Network: name}
	if s == nil {
		return e, nil
	}
	e.Aliases = s.Aliases
	if len(s.MacAddress) > 0 {
		e.MAC = s.MacAddress.String()
	}
	if s.IPAMConfig != nil {
		if len(s.IPAMConfig.LinkLocalIPs) > 0 {
			return e, invalid("IPAMConfig.LinkLocalIPs is not supported by this engine: leave it out")
		}
		e.IPv4, e.IPv6 = s.IPAMConfig.IPv4Address, s.IPAMConfig.IPv6Address
	}
	return e, nil
}

// linked are the lines of /etc/hosts for a link, CONTAINER[:ALIAS].
func linked(link string, known Known) ([]string, error) {
	ref, alias, has := strings.Cut(link, ":")
	if ref == "" {
		return nil, invalid("invalid link: %q", link)
	}
	addr, err := known.Address(strings.TrimPrefix(ref, "/"))
	if err != nil {
		return nil, err
	}
	if has {
		alias = alias[strings.LastIndex(alias, "/")+1:]
	}
	if alias == "" {
		alias = strings.TrimPrefix(ref, "/")
	}
	return []string{fmt.Sprintf("%s:%s", alias, addr)}, nil
}

func (c *Create) ports(w *Wanted, known Known) error {
	h := c.HostConfig
	w.Extra.Host.PortBindings, w.Extra.Host.PublishAllPorts = h.PortBindings, h.PublishAllPorts
	if w.Options.Network == container.NetworkHost || w.Options.Network == container.NetworkNone {
		return nil // Docker discards them
	}
	all := map[network.Port][]network.PortBinding{}
	maps.Copy(all, h.PortBindings)
	if h.PublishAllPorts {
		for p := range c.ExposedPorts {
			all[p] = append(all[p], network.PortBinding{})
		}
		for _, e := range known.Image.ExposedPorts {
			r, err := network.ParsePortRange(e)
			if err != nil {
				continue // the image's, which runs without
			}
			for p := range r.All() {
				if len(all[p]) == 0 {
					all[p] = []network.PortBinding{{}}
				}
			}
		}
	}
	keys := slices.SortedFunc(maps.Keys(all), func(a, b network.Port) int { return strings.Compare(a.String(), b.String()) })
	for _, p := range keys {
		for _, b := range all[p] {
			port, err := published(p, b, known.PublishOn)
			if err != nil {
				return err
			}
			if !slices.Contains(w.Options.Ports, port) || port.Host == 0 && !h.PublishAllPorts {
				w.Options.Ports = append(w.Options.Ports, port)
			}
		}
	}
	return nil
}

func published(p network.Port, b network.PortBinding, on netip.Addr) (container.Port, error) {
	out := container.Port{Container: p.Num(), Protocol: string(p.Proto()), HostIP: b.HostIP}
	if p.Num() == 0 {
		return out, invalid("invalid port specification: %q", p)
	}
	if p.Proto() != network.TCP && p.Proto() != network.UDP {
		return out, invalid("publish %s: the protocol %s is not supported by this engine: use tcp or udp", p, p.Proto())
	}
	if !out.HostIP.IsValid() {
		out.HostIP = on
	}
	if b.HostPort == "" || b.HostPort == "0" {
		return out, nil
	}
	low, high, isRange := strings.Cut(b.HostPort, "-")
	first, err := strconv.ParseUint(low, 10, 16)
	last := first
	if err == nil && isRange {
		last, err = strconv.ParseUint(high, 10, 16)
	}
	if err != nil || last < first {
		return out, invalid("invalid port specification: %q", b.HostPort)
	}
	out.Host = uint16(first)
	if last > first {
		out.HostLast = uint16(last)
	}
	return out, nil
}
