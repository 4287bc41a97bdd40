//go:build linux

package packet

import (
	"fmt"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/netns"
)

// HeaderLen is the size of struct virtio_net_hdr, which PACKET_VNET_HDR puts before every frame. With it frames
// of 64 kB pass in one piece.
const HeaderLen = 10

const etherTypeAll = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8 // in network byte order

// Open opens a packet socket on the link with an index and a name. Frames that the filter does not take never wake
// this process. The file is in the poller: closing it ends reads.
func Open(ns *netns.NS, index int, link string, filter []bpf.Instruction) (*os.File, error) {
	fd := -1
	err := ns.Do(func() error {
		var err error
		// Protocol 0 until the filter is in place, so that nothing slips through.
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w: needs CAP_NET_RAW in the user namespace", err)
	}
	if err := setUp(fd, index, filter); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open packet socket on %s: %w", link, err)
	}
	return os.NewFile(uintptr(fd), "packet:"+link), nil
}

func setUp(fd, ifindex int, filter []bpf.Instruction) error {
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
	prog, err := assemble(filter)
	if err != nil || len(prog) == 0 {
		return err
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(prog)), Filter: &prog[0]})
}

// assemble turns a filter into what the kernel takes.
func assemble(filter []bpf.Instruction) ([]unix.SockFilter, error) {
	raw, err := bpf.Assemble(filter)
	if err != nil {
		return nil, fmt.Errorf("assemble filter: %w", err)
	}
	prog := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		prog[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return prog, nil
}
