//go:build linux

package gateway

import (
	"net"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// Filter is that of the packet socket that a network's gateway is started with.
func Filter(spec plan.Spec) []bpf.Instruction {
	return filter(plan.MAC(spec.Gateway4), addresses(spec))
}

// filter takes what is addressed to the gateway, and questions for its addresses. The stack behind the
// socket believes every address to be its own, so it must not see questions for other endpoints' addresses: it
// would answer them.
func filter(mac net.HardwareAddr, addrs []netip.Addr) []bpf.Instruction {
	const (
		accept = 1 << 18
		srcARP = 38 // target address of an ARP request over Ethernet
		icmp6  = 54 // ICMPv6 type behind an IPv6 header without extensions
		target = 62 // target address of a neighbour solicitation
	)
	be := func(b []byte) uint32 { return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3]) }
	mac2 := uint32(mac[4])<<8 | uint32(mac[5])
	var p []bpf.Instruction
	take, drop := bpf.RetConstant{Val: accept}, bpf.RetConstant{Val: 0}
	p = append(p,
		bpf.LoadAbsolute{Off: 0, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: be(mac), SkipTrue: 3},
		bpf.LoadAbsolute{Off: 4, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: mac2, SkipTrue: 1},
		take,
	)
	for _, a := range addrs {
		if a.Is4() {
			v4 := a.As4()
			p = append(p,
				bpf.LoadAbsolute{Off: 12, Size: 2},
				bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_ARP, SkipTrue: 3},
				bpf.LoadAbsolute{Off: srcARP, Size: 4},
				bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: be(v4[:]), SkipTrue: 1},
				take,
			)
			continue
		}
		v6 := a.As16()
		p = append(p,
			bpf.LoadAbsolute{Off: 12, Size: 2},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IPV6, SkipTrue: 11},
			bpf.LoadAbsolute{Off: icmp6, Size: 1},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 135, SkipTrue: 9},
			bpf.LoadAbsolute{Off: target, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: be(v6[0:]), SkipTrue: 7},
			bpf.LoadAbsolute{Off: target + 4, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: be(v6[4:]), SkipTrue: 5},
			bpf.LoadAbsolute{Off: target + 8, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: be(v6[8:]), SkipTrue: 3},
			bpf.LoadAbsolute{Off: target + 12, Size: 4},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: be(v6[12:]), SkipTrue: 1},
			take,
		)
	}
	return append(p, drop)
}
