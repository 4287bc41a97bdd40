//go:build linux

package gateway

import (
	"errors"
	"net/netip"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// rules say where a packet that leaves the network goes on to.
type rules struct {
	spec plan.Spec
	owns func(netip.Addr) bool           // whether an address belongs to some network
	open func(netip.Addr) plan.HostPorts // what the container with an address reaches of the host's loopback
	host func() []netip.Addr             // the host's addresses except its loopback, the usual one first
}

var (
	// errRefusedHere: the network's rules forbid the address.
	errRefusedHere = errors.New("not reachable from this network")
	// errNotOpen: the host has nothing but its loopback, and the port of that is not open to the container.
	errNotOpen = errors.New("the port of the host's loopback is not open to the container")
)

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// loopbacks are where services listen that are for the host alone.
var loopbacks = [...]netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}

// targets says where to connect, in order, for a packet from src to dst.
func (r rules) targets(src netip.Addr, dst netip.AddrPort) ([]netip.AddrPort, error) {
	addr, port := dst.Addr().Unmap(), dst.Port()
	if addr == plan.HostAddr {
		return r.hostTargets(src, port)
	}
	if r.spec.Internal || addr.IsLoopback() || addr.IsUnspecified() || addr.IsMulticast() || addr == broadcast || addr.Is6() && addr.IsLinkLocalUnicast() {
		return nil, errRefusedHere
	}
	// Networks are isolated from each other, and the host has no route to any of them: a packet to one that
	// left here would end on a stranger's network.
	if r.owns(addr) || r.spec.Contains(addr) {
		return nil, errRefusedHere
	}
	return []netip.AddrPort{netip.AddrPortFrom(addr, port)}, nil
}

// hostTargets are the host's own addresses. A service that listens on all of them is reached at the first, as it would
// be from another machine; one that listens on the loopback alone is not, unless the port is open to the container.
func (r rules) hostTargets(src netip.Addr, port uint16) (to []netip.AddrPort, err error) {
	if !r.spec.HostReachable() {
		return nil, errRefusedHere
	}
	if r.open(src).Open(port) {
		for _, a := range loopbacks {
			to = append(to, netip.AddrPortFrom(a, port))
		}
	}
	for _, a := range r.host() {
		to = append(to, netip.AddrPortFrom(a, port))
	}
	if len(to) == 0 {
		return nil, errNotOpen
	}
	return to, nil
}

// ping says whom to ask for an echo of dst. A ping reaches no service, so the host is there for every container.
func (r rules) ping(dst netip.Addr) (netip.Addr, error) {
	if dst == plan.HostAddr && r.spec.HostReachable() {
		return loopbacks[0], nil
	}
	to, err := r.targets(netip.Addr{}, netip.AddrPortFrom(dst, 0))
	if err != nil {
		return netip.Addr{}, err
	}
	return to[0].Addr(), nil
}
