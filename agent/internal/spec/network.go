package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// ValidateNetwork refuses networks and ports that can't be.
func ValidateNetwork(o container.Options) error {
	if o.Network != "" && len(o.Networking.Endpoints) > 0 {
		return invalid("Options.Network %q and Options.Networking.Endpoints are both set: set one", o.Network)
	}
	var names []string
	for i, ep := range o.Networking.Endpoints {
		if ep.Network == "" || slices.Contains(names, ep.Network) {
			return invalid("Options.Networking.Endpoints[%d].Network %q: it must name a network, and each network only once", i, ep.Network)
		}
		names = append(names, ep.Network)
		if err := ValidateEndpoint(fmt.Sprintf("Options.Networking.Endpoints[%d]", i), ep); err != nil {
			return err
		}
	}
	if err := validateHostPorts(o); err != nil {
		return err
	}
	if len(o.Ports) > 0 && (o.Network == container.NetworkHost || ContainerOf(string(o.Network)) != "") {
		return invalid("Options.Ports: a container on network %s can't publish ports, because they belong to %s: leave Ports out", o.Network, o.Network)
	}
	for i, e := range o.Networking.Exposed {
		if !exposable(e) {
			return invalid("Options.Networking.Exposed[%d] %q: it must be a port from 1 to 65535, such as 80, 80/tcp or 53/udp", i, e)
		}
	}
	for i, p := range o.Ports {
		if field, wrong := portError(p); field != "" {
			return invalid("Options.Ports[%d].%s %s", i, field, wrong)
		}
		if j := slices.IndexFunc(o.Ports[:i], func(other container.Port) bool { return samePort(p, other) }); j >= 0 {
			return invalid("Options.Ports[%d].Host %d: Options.Ports[%d] publishes the same port on the same address", i, p.Host, j)
		}
	}
	return nil
}

// validateHostPorts refuses ports of the host's loopback where they mean nothing.
func validateHostPorts(o container.Options) error {
	n := o.Networking
	if len(n.HostPorts) == 0 && !n.AllHostPorts {
		return nil
	}
	field := "Options.Networking.HostPorts"
	if n.AllHostPorts {
		field = "Options.Networking.AllHostPorts"
	}
	switch {
	case o.Network == container.NetworkHost:
		return invalid("%s: a container on the network of the host reaches all ports at 127.0.0.1: leave it out", field)
	case o.Network == container.NetworkNone:
		return invalid("%s: a container without a network does not reach the host: leave it out, or choose a network", field)
	case ContainerOf(string(o.Network)) != "":
		return invalid("%s: a container on network %s reaches what that container does: leave it out, or set it there", field, o.Network)
	}
	if i := slices.Index(n.HostPorts, 0); i >= 0 {
		return invalid("Options.Networking.HostPorts[%d]: 0 is not a valid port: use 1 to 65535, or AllHostPorts", i)
	}
	return nil
}

func exposable(s string) bool {
	number, protocol, has := strings.Cut(s, "/")
	n, err := strconv.ParseUint(number, 10, 16)
	return err == nil && n > 0 && (!has || protocol == "tcp" || protocol == "udp")
}

// portError names the field that has a wrong value, and says what is wrong with it.
func portError(p container.Port) (field, wrong string) {
	last := int(max(p.Count, 1)) - 1
	switch {
	case p.Container == 0:
		return "Container", "is 0: give the port in the container"
	case int(p.Container)+last > 65535 || int(p.Host)+last > 65535:
		return "Count", fmt.Sprintf("%d: the range must not go beyond port 65535", p.Count)
	case p.HostLast != 0 && (p.Host == 0 || p.HostLast < p.Host):
		return "HostLast", fmt.Sprintf("%d: it must not be below Host, which is %d", p.HostLast, p.Host)
	case p.HostLast != 0 && p.Count > 1:
		return "HostLast", fmt.Sprintf("%d: Count is %d: publish one port of the container from a range of the host's", p.HostLast, p.Count)
	case p.Protocol != "" && p.Protocol != "tcp" && p.Protocol != "udp":
		return "Protocol", fmt.Sprintf("%q: use tcp or udp", p.Protocol)
	}
	return "", ""
}

// samePort says whether two mappings want a port of the host that only one can have. They are valid each alone.
func samePort(a, b container.Port) bool {
	if a.Host == 0 || b.Host == 0 || Protocol(a) != Protocol(b) || a.HostLast != 0 || b.HostLast != 0 {
		return false
	}
	firstA, firstB := int(a.Host), int(b.Host)
	if firstA > firstB+int(max(b.Count, 1))-1 || firstB > firstA+int(max(a.Count, 1))-1 {
		return false
	}
	addrA, addrB := hostAddr(a), hostAddr(b)
	return addrA == addrB || addrA.Is4() == addrB.Is4() && (addrA.IsUnspecified() || addrB.IsUnspecified())
}

// Protocol is a port's, with the default.
func Protocol(p container.Port) string {
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
