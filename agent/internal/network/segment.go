//go:build linux

package network

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/packet"
)

// segment is a namespace with a bridge, as this process sees it. Processes of one user namespace share one;
// a process that may not enter the others' has its own, tied to theirs by a trunk.
type segment struct {
	ns     *netns.NS
	nl     *netlink.Handle
	bridge int
	mtu    int
	shared bool // obtained from another process
}

const (
	bridgeName  = "br0"
	gatewayPort = "gw0" // the gateway's port on the bridge
	gatewayTap  = "gw1" // its other end, which the packet socket listens on
)

// newSegment makes a namespace with an empty bridge.
func newSegment(mtu int) (*segment, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	s := &segment{ns: ns, mtu: mtu}
	if err := s.build(); err != nil {
		s.close()
		return nil, fmt.Errorf("make the network's namespace: %w", err)
	}
	return s, nil
}

func (s *segment) build() (err error) {
	err = s.ns.Do(func() error {
		// Nothing here speaks IP; without this every port would announce itself.
		os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
		s.nl, err = netlink.NewHandle(unix.NETLINK_ROUTE)
		return err
	})
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.Flags = bridgeName, s.mtu, net.FlagUp
	if err := s.nl.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		return fmt.Errorf("add bridge: %w: load the kernel's bridge module", err)
	}
	return s.findBridge()
}

// joinSegment uses the namespace of another holder. It fails with EPERM where that is of another user
// namespace.
func joinSegment(ns *netns.NS, mtu int) (*segment, error) {
	s := &segment{ns: ns, mtu: mtu, shared: true}
	var err error
	if s.nl, err = ns.Netlink(); err != nil {
		return nil, err
	}
	if err := s.findBridge(); err != nil {
		s.nl.Close()
		return nil, err
	}
	return s, nil
}

func (s *segment) findBridge() error {
	br, err := s.nl.LinkByName(bridgeName)
	if err != nil {
		return fmt.Errorf("find bridge: %w", err)
	}
	s.bridge = br.Attrs().Index
	return nil
}

// addTap adds a pair of which port is on the bridge and tap is for a packet socket.
func (s *segment) addTap(port, tap string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.MasterIndex, attrs.Flags = port, s.mtu, s.bridge, net.FlagUp
	if err := s.nl.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: tap, PeerMTU: uint32(s.mtu)}); err != nil {
		return fmt.Errorf("add port %s: %w", port, err)
	}
	l, err := s.nl.LinkByName(tap)
	if err != nil {
		return err
	}
	if err := s.nl.LinkSetARPOff(l); err != nil {
		return err
	}
	if err := s.nl.LinkSetUp(l); err != nil {
		return err
	}
	return errors.Join(awaitCarrier(s.nl, port), awaitCarrier(s.nl, tap))
}

// awaitCarrier waits until the kernel has taken notice that a veth is connected. Until then it drops what is sent,
// for up to a second, after which TCP and ARP try again: a container's first connection would take that second.
// Asking is enough since Linux 6.11, which takes notice before it answers.
func awaitCarrier(nl *netlink.Handle, name string) error {
	for range 1500 {
		l, err := nl.LinkByName(name)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", name, err)
		}
		if s := l.Attrs().OperState; s == netlink.OperUp || s == netlink.OperUnknown {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("wait for %s: no carrier", name)
}

func (s *segment) delLink(name string) error {
	l, err := s.nl.LinkByName(name)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.nl.LinkDel(l); err != nil && !errors.Is(err, unix.ENODEV) {
		return err
	}
	return nil
}

// close drops this process's reference; the kernel removes the namespace with the last one.
func (s *segment) close() {
	if s.nl != nil {
		s.nl.Close()
	}
	s.ns.Close()
}

// packetSocket opens a packet socket on a link of the segment.
func (s *segment) packetSocket(link string, filter []bpf.Instruction) (*os.File, error) {
	l, err := s.nl.LinkByName(link)
	if err != nil {
		return nil, fmt.Errorf("open packet socket on %s: %w", link, err)
	}
	return packet.Open(s.ns, l.Attrs().Index, link, filter)
}
