package listening

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Unheard says why a port of a container is not reached at ip, an IPv4 address, given what listens in the container. It is
// empty when nothing is known.
func Unheard(ip netip.Addr, port uint16, listening []netip.AddrPort) string {
	var ports, here []string
	loopback, six := true, true // all that listen at this port do so
	for _, l := range listening {
		if number := strconv.Itoa(int(l.Port())); !slices.Contains(ports, number) {
			ports = append(ports, number)
		}
		if l.Port() == port {
			here = append(here, l.String())
			loopback = loopback && l.Addr().IsLoopback()
			six = six && l.Addr().Is6()
		}
	}
	at := strings.Join(here, ", ")
	switch {
	case len(ports) == 0:
		return ""
	case len(here) == 0:
		return "the container listens on " + strings.Join(ports, ", ")
	case loopback:
		return fmt.Sprintf("it listens on the container's loopback alone (%s), where nothing else can reach it: make it listen on 0.0.0.0", at)
	case six:
		return fmt.Sprintf("it listens on IPv6 alone (%s), and clients reach it by IPv4 (%s): make it listen on 0.0.0.0 too", at, ip)
	}
	return fmt.Sprintf("it listens on %s: make it listen on 0.0.0.0", at)
}
