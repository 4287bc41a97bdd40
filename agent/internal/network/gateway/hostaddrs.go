//go:build linux

package gateway

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// hostAddrs knows the addresses of the host, which may change.
type hostAddrs struct {
	mu    sync.Mutex
	asked time.Time
	addrs []netip.Addr
}

// hostAddrsFor is how long an answer is believed: asking the kernel costs more than a connection does.
const hostAddrsFor = time.Second

func (h *hostAddrs) get() []netip.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Since(h.asked) < hostAddrsFor {
		return h.addrs
	}
	all, err := net.InterfaceAddrs()
	if err != nil {
		return h.addrs
	}
	var prefixes []netip.Addr
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			prefixes = append(prefixes, p.Addr())
		}
	}
	h.addrs, h.asked = orderAddrs(prefixes, sourceFor("udp4", "192.0.2.1:9"), sourceFor("udp6", "[2001:db8::1]:9")), time.Now()
	return h.addrs
}

// sourceFor is the address by which the host speaks to the outside; not valid without a route. Nothing is sent.
func sourceFor(network, outside string) netip.Addr {
	c, err := net.Dial(network, outside)
	if err != nil {
		return netip.Addr{}
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
}

// orderAddrs puts addresses of IPv4 before those of IPv6, since more services listen there, and of each the usual one
// first. The loopback's and link-local ones are left out.
func orderAddrs(all []netip.Addr, usual ...netip.Addr) []netip.Addr {
	rank := func(a netip.Addr) (n int) {
		if a.Is6() {
			n = 2
		}
		if !slices.Contains(usual, a) {
			n++
		}
		return n
	}
	var out []netip.Addr
	for _, a := range all {
		if a.IsGlobalUnicast() && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b netip.Addr) int { return cmp.Compare(rank(a), rank(b)) })
	return out
}
