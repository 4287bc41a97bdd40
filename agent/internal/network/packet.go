//go:build linux

package network

import (
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// vnetHdrLen is the size of struct virtio_net_hdr, which PACKET_VNET_HDR puts before every frame. With it frames
// of 64 kB pass in one piece.
const vnetHdrLen = 10

const etherTypeAll = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network byte order

// packetSocket opens a packet socket on a link of the segment. Frames that the filter does not take never wake
// this process. The file is in the poller: closing it ends reads.
func (s *segment) packetSocket(link string, filter []bpf.Instruction) (*os.File, error) {
	l, err := s.nl.LinkByName(link)
	if err != nil {
		return nil, fmt.Errorf("open packet socket on %s: %w", link, err)
	}
	fd := -1
	err = s.ns.Do(func() error {
		var err error
		// Protocol 0 until the filter is in place, so that nothing slips through.
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w: needs CAP_NET_RAW in the user namespace", err)
	}
	if err := setUpPacketSocket(fd, l.Attrs().Index, filter); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open packet socket on %s: %w", link, err)
	}
	return os.NewFile(uintptr(fd), "packet:"+link), nil
}

func setUpPacketSocket(fd, ifindex int, filter []bpf.Instruction) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1); err != nil {
		return fmt.Errorf("ignore own frames: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		return fmt.Errorf("offload: %w", err)
	}
	const buffer = 8 << 20
	for plain, force := range map[int]int{unix.SO_RCVBUF: unix.SO_RCVBUFFORCE, unix.SO_SNDBUF: unix.SO_SNDBUFFORCE} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, buffer) != nil { // root of the machine only
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, buffer) // up to net.core.{r,w}mem_max
		}
	}
	if err := attachFilter(fd, filter); err != nil {
		return err
	}
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: etherTypeAll, Ifindex: ifindex})
}

func attachFilter(fd int, filter []bpf.Instruction) error {
	if len(filter) == 0 {
		return nil
	}
	raw, err := bpf.Assemble(filter)
	if err != nil {
		return fmt.Errorf("assemble filter: %w", err)
	}
	prog := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		prog[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
}

// gatewayFilter takes what is addressed to the gateway, and questions for its addresses. The stack behind the
// socket believes every address to be its own, so it must not see questions for other endpoints' addresses: it
// would answer them.
func gatewayFilter(mac net.HardwareAddr, addrs []netip.Addr) []bpf.Instruction {
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
