package spec

import (
	"net"
	"strings"

	"github.com/caisson-dev/caisson/container"
)

// ValidateEndpoint refuses a place that no container can have on any network. field names the endpoint. Its addresses
// are for the network's description to judge.
func ValidateEndpoint(field string, ep container.Endpoint) error {
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
	return nil
}
