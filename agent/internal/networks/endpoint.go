//go:build linux

package networks

import (
	"net/netip"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// Check refuses a place on the network that no container can have. field names the endpoint.
func (d *Description) Check(field string, ep container.Endpoint) error {
	if err := spec.ValidateEndpoint(field, ep); err != nil {
		return err
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
