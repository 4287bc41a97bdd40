package plan

import (
	"crypto/rand"
	"fmt"
	"net/netip"
)

// Usable reports whether addr can be given to an endpoint of p: not the network's own address nor, for IPv4,
// the broadcast address.
func Usable(p netip.Prefix, addr netip.Addr) bool {
	if !p.Contains(addr) || addr == p.Masked().Addr() {
		return false
	}
	return !addr.Is4() || p.Contains(addr.Next())
}

// ChooseIPv4 returns the first /24 from 10.89.0.0 to 10.255.255.0, then of 172.16/12 and 192.168/16, that
// overlaps nothing taken. The first pool is the one podman uses; hosts' own networks are rare there.
func ChooseIPv4(taken []netip.Prefix) (netip.Prefix, error) {
	pools := []struct{ first, last [4]byte }{
		{[4]byte{10, 89, 0, 0}, [4]byte{10, 255, 255, 0}},
		{[4]byte{172, 16, 0, 0}, [4]byte{172, 31, 255, 0}},
		{[4]byte{192, 168, 0, 0}, [4]byte{192, 168, 255, 0}},
	}
	for _, pool := range pools {
		last := netip.AddrFrom4(pool.last)
		for addr := netip.AddrFrom4(pool.first); !last.Less(addr); {
			p := netip.PrefixFrom(addr, 24)
			hit, overlap := FirstOverlap(p, taken)
			if !overlap {
				return p, nil
			}
			addr = after(p, hit)
		}
	}
	return netip.Prefix{}, fmt.Errorf("choose a subnet: %w: remove networks, or give a subnet", ErrNoFreeSubnet)
}

// after returns the first /24 behind both prefixes, so that a wide route is skipped in one step.
func after(p, hit netip.Prefix) netip.Addr {
	bits := min(p.Bits(), hit.Bits())
	a := netip.PrefixFrom(p.Addr(), bits).Masked().Addr().As4()
	n := uint64(a[0])<<24 | uint64(a[1])<<16 | uint64(a[2])<<8 | uint64(a[3])
	n += 1 << (32 - bits)
	if n > 0xffffffff {
		n = 0xffffffff
	}
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// ChooseIPv6 returns a random unique-local /64 (RFC 4193), which collides with nothing in practice.
func ChooseIPv6(taken []netip.Prefix) (netip.Prefix, error) {
	for range 16 {
		a := [16]byte{0: 0xfd}
		rand.Read(a[1:8])
		p := netip.PrefixFrom(netip.AddrFrom16(a), 64)
		if _, overlap := FirstOverlap(p, taken); !overlap {
			return p, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("choose an IPv6 subnet: %w: give a subnet", ErrNoFreeSubnet)
}

// FirstOverlap returns the first of taken that overlaps p, if any does.
func FirstOverlap(p netip.Prefix, taken []netip.Prefix) (netip.Prefix, bool) {
	for _, t := range taken {
		if p.Overlaps(t) {
			return t, true
		}
	}
	return netip.Prefix{}, false
}

// Within reports whether part is a part of subnet that has an address for an endpoint.
func Within(subnet, part netip.Prefix) bool {
	if part.Bits() < subnet.Bits() || !subnet.Contains(part.Addr()) {
		return false
	}
	first := part.Masked().Addr()
	return Usable(subnet, first) || part.Contains(first.Next()) && Usable(subnet, first.Next())
}

// nextFree returns the first address of part behind last, going round, for which used is false. The zero part is the whole
// subnet. Addresses are not given out again at once, since neighbours and clients may still remember the former holder.
func nextFree(subnet, part netip.Prefix, last netip.Addr, used func(netip.Addr) bool) (netip.Addr, error) {
	if !part.IsValid() {
		part = subnet
	}
	first := part.Masked().Addr()
	addr := first
	if part.Contains(last) {
		addr = last.Next()
	}
	// One round of a /8 would be slow; nobody has more endpoints than this.
	const maxTries = 1 << 16
	for tries, start := 0, addr; tries < maxTries; tries++ {
		if !part.Contains(addr) { // the end, or the end of all addresses
			addr = first
		}
		if tries > 0 && addr == start {
			break
		}
		if Usable(subnet, addr) && !used(addr) {
			return addr, nil
		}
		addr = addr.Next()
	}
	return netip.Addr{}, fmt.Errorf("allocate an address of %s: %w: detach endpoints, or make the network with a larger subnet", part, ErrNoFreeAddress)
}
