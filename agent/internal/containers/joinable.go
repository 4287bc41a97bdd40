//go:build linux

package containers

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/container"
)

// canJoin refuses networks that are not there, and places that they don't have. Start would find out; but a container
// that can't start should not be made. mode is Options.Network as it was given.
func (s *Service) canJoin(o *container.Options, mode container.NetworkMode) error {
	for i, ep := range o.Networks {
		field := fmt.Sprintf("Options.Networks[%d]", i)
		d, err := s.describe(ep.Network)
		switch {
		case err != nil && mode != "":
			return fmt.Errorf("Options.Network: %w", err)
		case err != nil:
			return fmt.Errorf("%s.Network: %w", field, err)
		}
		if err := validateEndpoint(field, ep, d); err != nil {
			return err
		}
	}
	return nil
}

// validateEndpoint refuses a place on a network that no container can have.
func validateEndpoint(field string, ep container.Endpoint, d *description) error {
	for i, a := range ep.Aliases {
		if a == "" || len(a) > 253 || strings.ContainsAny(a, " \t\n#/:\x00") {
			return invalid("%s.Aliases[%d] %q: use a name as of a host", field, i, a)
		}
	}
	if ep.MAC != "" {
		if mac, err := net.ParseMAC(ep.MAC); err != nil || len(mac) != 6 || mac[0]&1 != 0 {
			return invalid("%s.MAC %q: use six bytes as 02:42:ac:11:00:02, and no multicast address", field, ep.MAC)
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
		{"IPv4", ep.IPv4, d.IPv4, ep.IPv4.Is4() && (chosen || network.Usable(d.IPv4, ep.IPv4))},
		{"IPv6", ep.IPv6, d.IPv6, ep.IPv6.Is6() && d.IPv6.IsValid() && network.Usable(d.IPv6, ep.IPv6)},
	} {
		switch {
		case !a.addr.IsValid() || a.fits:
		case !a.subnet.IsValid():
			return invalid("%s.%s %s: network %s has no such addresses", field, a.name, a.addr, d.Name)
		default:
			return invalid("%s.%s %s: it is no host's address in network %s, %s", field, a.name, a.addr, d.Name, a.subnet)
		}
	}
	return nil
}
