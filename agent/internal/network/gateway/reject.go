//go:build linux

package gateway

import (
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

type unreachable int

const (
	unreachableHost unreachable = iota
	unreachablePort
	prohibited
)

// reject answers a container's packet with an ICMP error, from the address it was sent to.
func (g *Gateway) reject(pkt *stack.PacketBuffer, why unreachable) {
	if pkt.NetworkProtocolNumber == ipv4.ProtocolNumber {
		p := g.stack.NetworkProtocolInstance(ipv4.ProtocolNumber).(stack.RejectIPv4WithHandler)
		p.SendRejectionError(pkt, map[unreachable]stack.RejectIPv4WithICMPType{
			unreachableHost: stack.RejectIPv4WithICMPHostUnreachable,
			unreachablePort: stack.RejectIPv4WithICMPPortUnreachable,
			prohibited:      stack.RejectIPv4WithICMPAdminProhibited,
		}[why], true)
		return
	}
	p := g.stack.NetworkProtocolInstance(ipv6.ProtocolNumber).(stack.RejectIPv6WithHandler)
	p.SendRejectionError(pkt, map[unreachable]stack.RejectIPv6WithICMPType{
		unreachableHost: stack.RejectIPv6WithICMPAddrUnreachable,
		unreachablePort: stack.RejectIPv6WithICMPPortUnreachable,
		prohibited:      stack.RejectIPv6WithICMPAdminProhibited,
	}[why], true)
}
