package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// networkFlags are those of create and run that say how a container is reached and what it reaches.
type networkFlags struct {
	network                string
	ports, aliases         []string
	hosts, servers, search []string
	dns, hostPorts         []string
	publishAll             bool
	endpoint               container.Endpoint
}

func (o *networkFlags) define(flags *pflag.FlagSet) {
	flags.StringVar(&o.network, "network", string(container.NetworkDefault), "bridge, none (only a loopback), host, container:NAME|ID, or the name of a network")
	flags.StringArrayVarP(&o.ports, "publish", "p", nil, "publish a port: [[ADDRESS:]HOST:]CONTAINER[/tcp|/udp] (may be repeated); the default address is 127.0.0.1")
	flags.BoolVarP(&o.publishAll, "publish-all", "P", false, "publish all ports that the image exposes, each at a free port")
	flags.StringArrayVar(&o.aliases, "network-alias", nil, "another name on the network (may be repeated)")
	flags.StringArrayVar(&o.hosts, "add-host", nil, "line of /etc/hosts: NAME:ADDRESS or NAME:host-gateway (may be repeated)")
	flags.StringArrayVar(&o.hostPorts, "host-port", nil, "port of the host's loopback, range of ports, or all, that the container reaches at host.docker.internal (may be repeated)")
	flags.StringArrayVar(&o.servers, "dns", nil, "address of a name server (may be repeated)")
	flags.StringArrayVar(&o.search, "dns-search", nil, "domain in which short names are looked up (may be repeated)")
	flags.StringArrayVar(&o.dns, "dns-option", nil, "option of resolv.conf, such as ndots:2 (may be repeated)")
	flags.TextVar(&o.endpoint.IPv4, "ip", netip.Addr{}, "IPv4 address on the network")
	flags.TextVar(&o.endpoint.IPv6, "ip6", netip.Addr{}, "IPv6 address on the network")
	flags.StringVar(&o.endpoint.MAC, "mac-address", "", "MAC address on the network")
}

// apply converts the flags.
func (o *networkFlags) apply(opts *container.Options) error {
	opts.Network = container.NetworkMode(o.network)
	if ep := o.endpoint; len(o.aliases) > 0 || ep.IPv4.IsValid() || ep.IPv6.IsValid() || ep.MAC != "" {
		ep.Network, ep.Aliases = o.network, o.aliases
		opts.Network, opts.Networking.Endpoints = "", []container.Endpoint{ep}
	}
	opts.Networking.Hosts, opts.Networking.DNS = o.hosts, container.DNS{Search: o.search, Options: o.dns}
	for _, s := range o.servers {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return fmt.Errorf("--dns %q is not a valid address: use one such as 9.9.9.9", s)
		}
		opts.Networking.DNS.Servers = append(opts.Networking.DNS.Servers, addr)
	}
	if err := openHostPorts(o.hostPorts, &opts.Networking); err != nil {
		return err
	}
	for _, spec := range o.ports {
		p, err := port(spec)
		if err != nil {
			return fmt.Errorf("-p %q: %w", spec, err)
		}
		opts.Ports = append(opts.Ports, p)
	}
	return nil
}

// openHostPorts reads the ports of the host's loopback that the container reaches.
func openHostPorts(specs []string, n *container.NetworkingConfig) error {
	for _, spec := range specs {
		if spec == "all" {
			n.AllHostPorts = true
			continue
		}
		first, count, err := portRange(spec)
		if err != nil {
			return fmt.Errorf("--host-port %q: %w: use one such as 8080, a range such as 8000-8009, or all", spec, err)
		}
		for i := range count {
			n.HostPorts = append(n.HostPorts, first+i)
		}
	}
	return nil
}

// port reads [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL], in which ports may be ranges as 8000-8009.
func port(spec string) (container.Port, error) {
	var p container.Port
	rest, proto, _ := strings.Cut(spec, "/")
	p.Protocol = proto
	host, inside := "", rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		host, inside = rest[:i], rest[i+1:]
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		var err error
		if p.HostIP, err = netip.ParseAddr(strings.Trim(host[:i], "[]")); err != nil {
			return p, fmt.Errorf("%q is not a valid address", strings.Trim(host[:i], "[]"))
		}
		host = host[i+1:]
	}
	first, count, err := portRange(inside)
	if err != nil {
		return p, err
	}
	p.Container, p.Count = first, count
	if host == "" {
		return p, nil
	}
	var n uint16
	if p.Host, n, err = portRange(host); err == nil && n != count {
		err = fmt.Errorf("the ranges %s and %s have different lengths", host, inside)
	}
	return p, err
}

func portRange(s string) (first, count uint16, err error) {
	low, high, isRange := strings.Cut(s, "-")
	a, err := strconv.ParseUint(low, 10, 16)
	if err != nil || a == 0 {
		return 0, 0, fmt.Errorf("%q is not a valid port", low)
	}
	if !isRange {
		return uint16(a), 1, nil
	}
	b, err := strconv.ParseUint(high, 10, 16)
	if err != nil || b < a {
		return 0, 0, fmt.Errorf("%q is not a valid range of ports", s)
	}
	return uint16(a), uint16(b - a + 1), nil
}
