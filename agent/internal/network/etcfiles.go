package network

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// HostsEntry is a line of /etc/hosts that the user asked for, as with "docker run --add-host".
type HostsEntry struct {
	Addr netip.Addr
	Name string
}

// EtcOptions say what a container's files under /etc hold.
type EtcOptions struct {
	Hostname   string
	Domain     string // may be empty
	Endpoints  []EndpointInfo
	ExtraHosts []HostsEntry

	// As given by the user; empty: the network's or the host's.
	DNS        []netip.Addr
	DNSSearch  []string // "." alone: none
	DNSOptions []string

	Host ResolvConf // the host's own
}

// RenderHostname renders /etc/hostname.
func RenderHostname(o EtcOptions) []byte { return []byte(o.Hostname + "\n") }

// RenderHosts renders /etc/hosts as Docker does: the usual names of loopback and multicast, what the
// user asked for, and the container's own name at each of its addresses. "host-gateway" of Docker is EndpointInfo.Host.
func RenderHosts(o EtcOptions) []byte {
	ipv6 := slices.ContainsFunc(o.Endpoints, func(e EndpointInfo) bool { return e.IPv6.IsValid() })
	var b strings.Builder
	b.WriteString("127.0.0.1\tlocalhost\n")
	if ipv6 {
		b.WriteString("::1\tlocalhost ip6-localhost ip6-loopback\n" +
			"fe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n")
	}
	own := o.Hostname
	if o.Domain != "" {
		own = o.Hostname + "." + o.Domain + " " + o.Hostname
	}
	for _, h := range o.ExtraHosts {
		fmt.Fprintf(&b, "%s\t%s\n", h.Addr, h.Name)
	}
	if own == "" {
		return []byte(b.String())
	}
	for _, e := range o.Endpoints {
		for _, p := range []netip.Prefix{e.IPv4, e.IPv6} {
			if p.IsValid() {
				fmt.Fprintf(&b, "%s\t%s\n", p.Addr(), own)
			}
		}
	}
	return []byte(b.String())
}

// RenderResolvConf renders /etc/resolv.conf. On a network its name server is the only one: it asks those of
// EtcOptions.DNS, given to Attach as Resolvers, or the host's. Without a network the user's or the host's stand there
// themselves.
func RenderResolvConf(o EtcOptions) []byte {
	servers := o.DNS
	options := o.DNSOptions
	if len(options) == 0 {
		options = o.Host.Options
	}
	i := slices.IndexFunc(o.Endpoints, func(e EndpointInfo) bool { return e.DNS.IsValid() })
	switch {
	case i >= 0:
		servers = []netip.Addr{o.Endpoints[i].DNS}
		if !slices.ContainsFunc(options, func(s string) bool { return strings.HasPrefix(s, "ndots:") }) {
			// Containers' names have no dots: ask for them as they are before adding search domains.
			options = append(slices.Clone(options), "ndots:0")
		}
	case len(servers) == 0:
		servers = o.Host.Nameservers
	}
	search := o.DNSSearch
	if len(search) == 0 {
		search = o.Host.Search
	}
	var b strings.Builder
	for _, s := range servers {
		fmt.Fprintf(&b, "nameserver %s\n", s)
	}
	if s := strings.Join(search, " "); cmp.Or(s, ".") != "." {
		fmt.Fprintf(&b, "search %s\n", s)
	}
	if len(options) > 0 {
		fmt.Fprintf(&b, "options %s\n", strings.Join(options, " "))
	}
	return []byte(b.String())
}
