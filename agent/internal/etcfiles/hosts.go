package etcfiles

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// hostGateway stands for the host's address in a line of the user's, as in Docker.
const hostGateway = "host-gateway"

// Host is a line of /etc/hosts that the user asks for, as with "docker run --add-host".
type Host struct {
	Name string
	Addr netip.Addr // not valid: the host's address as the container's first network knows it
}

// ParseHost reads NAME:ADDRESS. Its errors begin with the text.
func ParseHost(s string) (Host, error) {
	name, addr, ok := strings.Cut(s, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t\r\n#;\x00") {
		return Host{}, fmt.Errorf("%q: write it as NAME:ADDRESS", s)
	}
	if addr == hostGateway {
		return Host{Name: name}, nil
	}
	a, err := netip.ParseAddr(addr)
	if err != nil {
		return Host{}, fmt.Errorf("%q: %q is not an address: use one such as 10.0.0.1", s, addr)
	}
	return Host{name, a}, nil
}

const (
	localhost  = "127.0.0.1\tlocalhost\n"
	localhost6 = "::1\tlocalhost ip6-localhost ip6-loopback\n" +
		"fe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
)

// hosts is /etc/hosts: the usual names of loopback and multicast, what the user asked for, and on networks the
// container's own name at each of its addresses.
func (o Options) hosts() []byte {
	if len(o.Endpoints) == 0 {
		base := o.Base.Hosts
		if base == nil {
			base = []byte(localhost + localhost6 + "127.0.0.1\t" + o.Hostname + "\n")
		}
		return append(slices.Clone(base), o.asked(netip.Addr{})...)
	}
	b := localhost + localhost6 + o.asked(o.Endpoints[0].Host)
	own := o.Hostname
	if o.Domain != "" {
		own = o.Hostname + "." + o.Domain + " " + o.Hostname
	}
	for _, e := range o.Endpoints {
		for _, a := range []netip.Addr{e.IPv4, e.IPv6} {
			if a.IsValid() {
				b += line(a, own)
			}
		}
	}
	return []byte(b)
}

// asked are the user's lines. Without a gateway those that want it are left out: a network alone has one.
func (o Options) asked(gateway netip.Addr) (lines string) {
	for _, h := range o.Hosts {
		a := h.Addr
		if !a.IsValid() {
			a = gateway
		}
		if a.IsValid() {
			lines += line(a, h.Name)
		}
	}
	return lines
}

func line(a netip.Addr, names string) string { return fmt.Sprintf("%s\t%s\n", a, names) }
