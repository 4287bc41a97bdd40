//go:build linux

package networks

import (
	"net"
	"net/netip"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/container"
)

// Check refuses a place on the network that no container can have. field names the endpoint.
func (d *Description) Check(field string, ep container.Endpoint) error {
	for i, a := range ep.Aliases {
		if a == "" || len(a) > 253 || strings.ContainsAny(a, " \t\n#/:\x00") {
			return invalid("%s.Aliases[%d] %q: use a host name", field, i, a)
		}
	}
	if ep.MAC != "" {
		if mac, err := net.ParseMAC(ep.MAC); err != nil || len(mac) != 6 || mac[0]&1 != 0 {
			return invalid("%s.MAC %q: use six bytes such as 02:42:ac:11:00:02, and not a multicast address", field, ep.MAC)
		}
	}
	// The subnet of the default network is chosen when a container joins it.
	chosen := d.Name == string(container.NetworkDefault)
	for _, a := range []struct {
		name   string
		addr   netip.Addr
		subnet netip.Prefix
		fits   bool
	}{
		{"IPv4", ep.IPv4, d.IPv4, ep.IPv4.Is4() && (chosen || plan.Usable(d.IPv4, ep.IPv4))},
		{"IPv6", ep.IPv6, d.IPv6, ep.IPv6.Is6() && d.IPv6.IsValid() && plan.Usable(d.IPv6, ep.IPv6)},
	} {
		switch {
		case !a.addr.IsValid() || a.fits:
		case !a.subnet.IsValid():
			return invalid("%s.%s %s: network %s has no such addresses", field, a.name, a.addr, d.Name)
		default:
			return invalid("%s.%s %s: it is not a host address in network %s, %s", field, a.name, a.addr, d.Name, a.subnet)
		}
	}
	return nil
}
