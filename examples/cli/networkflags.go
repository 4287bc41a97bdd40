package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

// networkFlags are those of create and run that say how a container is reached and what it reaches.
type networkFlags struct {
	networks               []string
	ports, aliases, expose []string
	hosts, servers, search []string
	dns, links, hostPorts  []string
	publishAll             bool
	endpoint               container.Endpoint
}

func (o *networkFlags) define(flags *pflag.FlagSet) {
	flags.StringArrayVar(&o.networks, "network", nil, "bridge, none (only a loopback), host, container:NAME|ID, the name of a network, or name=NETWORK,alias=NAME,ip=ADDRESS (may be repeated; default bridge)")
	flags.StringArrayVarP(&o.ports, "publish", "p", nil, "publish a port: [[ADDRESS:]HOST:]CONTAINER[/tcp|/udp] (may be repeated); the default address is 127.0.0.1")
	flags.BoolVarP(&o.publishAll, "publish-all", "P", false, "publish all ports that the image and --expose name, each at a free port")
	flags.StringArrayVar(&o.expose, "expose", nil, "note a port, or a range of ports, that the container listens on (may be repeated)")
	flags.StringArrayVar(&o.aliases, "network-alias", nil, "another name on the network (may be repeated)")
	flags.StringArrayVar(&o.hosts, "add-host", nil, "line of /etc/hosts: NAME:ADDRESS, NAME=ADDRESS or NAME:host-gateway (may be repeated)")
	flags.StringArrayVar(&o.hostPorts, "host-port", nil, "port of the host's loopback, range of ports, or all, that the container reaches at host.docker.internal (may be repeated)")
	flags.StringArrayVar(&o.servers, "dns", nil, "address of a name server (may be repeated)")
	flags.StringArrayVar(&o.search, "dns-search", nil, "domain in which short names are looked up (may be repeated)")
	flags.StringArrayVar(&o.dns, "dns-option", nil, "option of resolv.conf, such as ndots:2 (may be repeated)")
	flags.TextVar(&o.endpoint.IPv4, "ip", netip.Addr{}, "IPv4 address on the network")
	flags.TextVar(&o.endpoint.IPv6, "ip6", netip.Addr{}, "IPv6 address on the network")
	flags.StringVar(&o.endpoint.MAC, "mac-address", "", "MAC address on the network")
	flags.StringArrayVar(&o.links, "link", nil, "not supported: use a network, on which containers find each other by name")
	// Docker's names of old, for the same values.
	hidden(flags, &o.networks, "net")
	hidden(flags, &o.aliases, "net-alias")
	hidden(flags, &o.dns, "dns-opt")
	_ = flags.MarkHidden("link")
}

func hidden(flags *pflag.FlagSet, to *[]string, name string) {
	flags.Var((*stringArray)(to), name, "")
	_ = flags.MarkHidden(name)
}

// stringArray adds to what another flag has, too.
type stringArray []string

func (a *stringArray) String() string     { return "" }
func (a *stringArray) Type() string       { return "stringArray" }
func (a *stringArray) Set(s string) error { *a = append(*a, s); return nil }

// apply converts the flags; warn gets what is left out.
func (o *networkFlags) apply(opts *container.Options, warn io.Writer) error {
	if len(o.links) > 0 {
		return fmt.Errorf("--link %q: links are not supported: make a network (network create NAME) and give both containers --network NAME: there they find each other by name", o.links[0])
	}
	if slices.Contains(o.networks, "") {
		return errors.New("--network: the name is empty: leave the flag out")
	}
	err := o.join(opts)
	if err != nil {
		return err
	}
	opts.Networking.DNS = container.DNS{Search: o.search, Options: o.dns}
	for _, h := range o.hosts {
		line, err := hostLine(h)
		if err != nil {
			return err
		}
		opts.Networking.Hosts = append(opts.Networking.Hosts, line)
	}
	for _, s := range o.servers {
		addr, err := netip.ParseAddr(s)
		if err != nil {
			return fmt.Errorf("--dns %q is not a valid address: use one such as 9.9.9.9", s)
		}
		if addr.IsLoopback() {
			fmt.Fprintf(warn, "WARNING: Localhost DNS setting (--dns=%s) may fail in containers.\n", s)
		}
		opts.Networking.DNS.Servers = append(opts.Networking.DNS.Servers, addr)
	}
	if err := openHostPorts(o.hostPorts, &opts.Networking); err != nil {
		return err
	}
	if len(o.expose) > 0 && strings.HasPrefix(string(opts.Network), "container:") {
		return fmt.Errorf("--expose %s: the ports belong to the container whose network this is: leave the flag out", o.expose[0])
	}
	for _, spec := range o.expose {
		list, err := exposePorts(spec)
		if err != nil {
			return fmt.Errorf("--expose %q: %w", spec, err)
		}
		opts.Networking.Exposed = append(opts.Networking.Exposed, list...)
	}
	for _, spec := range o.ports {
		short, err := publishText(spec)
		if err != nil {
			return fmt.Errorf("-p %q: %w", spec, err)
		}
		p, err := port(short)
		if err != nil {
			return fmt.Errorf("-p %q: %w", spec, err)
		}
		opts.Ports = append(opts.Ports, p)
	}
	if len(opts.Ports) > 0 && opts.Network == container.NetworkHost {
		fmt.Fprintln(warn, "WARNING: Published ports are discarded when using host network mode")
		opts.Ports = nil
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

// join sets the networks.
func (o *networkFlags) join(opts *container.Options) error {
	opts.Network = container.NetworkDefault
	if len(o.networks) == 1 {
		opts.Network = container.NetworkMode(o.networks[0])
	}
	own := len(o.aliases) > 0 || o.endpoint.IPv4.IsValid() || o.endpoint.IPv6.IsValid() || o.endpoint.MAC != ""
	if !own && len(o.networks) < 2 && !strings.Contains(string(opts.Network), "=") {
		return nil
	}
	networks := o.networks
	if len(networks) == 0 {
		networks = []string{string(container.NetworkDefault)}
	}
	for _, spec := range networks {
		ep, err := endpoint(spec)
		if err != nil {
			return fmt.Errorf("--network %q: %w", spec, err)
		}
		if len(opts.Networking.Endpoints) == 0 { // the addresses are for the first one, the names for all
			ep.IPv4, ep.IPv6 = either(o.endpoint.IPv4, ep.IPv4), either(o.endpoint.IPv6, ep.IPv6)
			ep.MAC = first(o.endpoint.MAC, ep.MAC)
		}
		ep.Aliases = append(ep.Aliases, o.aliases...)
		opts.Networking.Endpoints = append(opts.Networking.Endpoints, ep)
	}
	opts.Network = ""
	return nil
}

func either(a, b netip.Addr) netip.Addr {
	if a.IsValid() {
		return a
	}
	return b
}

// endpoint reads a network's name, or name=NETWORK with alias=, ip=, ip6= and mac-address=.
func endpoint(spec string) (ep container.Endpoint, err error) {
	if !strings.Contains(spec, "=") {
		switch {
		case spec == string(container.NetworkNone), spec == string(container.NetworkHost), strings.HasPrefix(spec, "container:"):
			return ep, errors.New("it can't be combined with another network, a name or an address")
		}
		return container.Endpoint{Network: spec}, nil
	}
	for field := range strings.SplitSeq(spec, ",") {
		name, value, _ := strings.Cut(field, "=")
		switch name {
		case "name":
			ep.Network = value
		case "alias":
			ep.Aliases = append(ep.Aliases, value)
		case "ip":
			ep.IPv4, err = netip.ParseAddr(value)
		case "ip6":
			ep.IPv6, err = netip.ParseAddr(value)
		case "mac-address":
			ep.MAC = value
		default:
			err = fmt.Errorf("%q is not one of name, alias, ip, ip6, mac-address", name)
		}
		if err != nil {
			return ep, err
		}
	}
	if ep.Network == "" {
		return ep, errors.New("add name=NETWORK")
	}
	return ep, nil
}

// hostLine reads NAME:ADDRESS and NAME=ADDRESS, of which an IPv6 address may be in brackets.
func hostLine(s string) (string, error) {
	name, addr, ok := strings.Cut(s, "=")
	if !ok {
		name, addr, ok = strings.Cut(s, ":")
	}
	addr = strings.TrimSuffix(strings.TrimPrefix(addr, "["), "]")
	if _, err := netip.ParseAddr(addr); !ok || name == "" || err != nil && addr != "host-gateway" {
		return "", fmt.Errorf("--add-host %q: write it as NAME:ADDRESS, such as db:10.0.0.5, or NAME:host-gateway", s)
	}
	return name + ":" + addr, nil
}

// exposePorts are the ports of a PORT or a range, each with its protocol.
func exposePorts(spec string) ([]string, error) {
	p, err := port(spec)
	if err != nil {
		return nil, err
	}
	if p.Host != 0 || p.HostIP.IsValid() || strings.Contains(spec, ":") {
		return nil, errors.New("it must be a port of the container alone: use -p to publish it")
	}
	var out []string
	for i := range p.Count {
		out = append(out, string(portKey(p.Container+i, protocolOf(p))))
	}
	return out, nil
}

// port reads [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL], in which ports may be ranges such as 8000-8009. A host port 0 is a
// free one; of a range for one port of the container the first free one is taken.
func port(spec string) (container.Port, error) {
	var p container.Port
	rest, proto, _ := strings.Cut(spec, "/")
	p.Protocol = strings.ToLower(proto)
	if !slices.Contains([]string{"", "tcp", "udp"}, p.Protocol) {
		return p, fmt.Errorf("%q is not a protocol that can be published: use tcp or udp", proto)
	}
	host, inside := "", rest
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		host, inside = rest[:i], rest[i+1:]
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		var err error
		if p.HostIP, err = portAddress(host[:i]); err != nil {
			return p, err
		}
		host = host[i+1:]
	}
	first, count, err := portRange(inside)
	if err != nil {
		return p, err
	}
	p.Container, p.Count = first, count
	if host == "" || host == "0" {
		return p, nil
	}
	var n uint16
	p.Host, n, err = portRange(host)
	switch {
	case err != nil || n == count:
		return p, err
	case count == 1:
		p.HostLast = p.Host + n - 1
		return p, nil
	}
	return p, fmt.Errorf("the ranges %s and %s have different lengths", host, inside)
}

// portAddress is the address in front of a port: one of IPv6 is in brackets, and none is no address.
func portAddress(s string) (netip.Addr, error) {
	inside, is6 := strings.CutPrefix(s, "[")
	inside, closed := strings.CutSuffix(inside, "]")
	if s == "" {
		return netip.Addr{}, nil
	}
	addr, err := netip.ParseAddr(inside)
	if err != nil || is6 != closed || addr.Is6() != is6 {
		return addr, fmt.Errorf("%q is not a valid address: write one of IPv6 in brackets", s)
	}
	return addr, nil
}

// publishText is -p in its short form: the long one is NAME=VALUE,… with target, published and protocol.
func publishText(spec string) (string, error) {
	if !strings.Contains(spec, "=") {
		return spec, nil
	}
	field := map[string]string{"protocol": "tcp"}
	for part := range strings.SplitSeq(spec, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || name == "" {
			return "", fmt.Errorf("%q is not NAME=VALUE, such as target=80,published=8080,protocol=tcp", part)
		}
		field[name] = value
	}
	return field["published"] + ":" + field["target"] + "/" + field["protocol"], nil
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
