//go:build linux

package network

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/packet"
)

// A process whose user namespace is not that of the others (as every process of an ordinary user, unless they share
// one) may not enter the network's namespace, nor put an interface into it. It has a segment of its own, a
// namespace with a bridge, and sends the leader a packet socket of it: a descriptor needs no privilege to use. The
// leader carries frames between that socket and its own segment, so that all segments are one Ethernet, with the
// leader's in the middle. A new leader gets new trunks.

const (
	trunkPort = "tr0"
	trunkTap  = "tr1"
)

// askLeader begins to follow: on a connection that lasts as long as the leader does.
func (n *Network) askLeader(conn *net.UnixConn) error {
	if err := sendMsg(conn, message{kind: askFollow}); err != nil {
		return err
	}
	reply, err := recvMsg(conn)
	if err != nil {
		return err
	}
	if reply.file != nil {
		reply.file.Close()
	}
	if reply.kind != replyYes {
		return errNotLeading
	}
	if reply.segment == n.seg.ns.ID() {
		return nil
	}
	if err := n.seg.becomeLeaf(); err != nil {
		return err
	}
	packets, err := n.seg.packetSocket(trunkTap, nil)
	if err != nil {
		return err
	}
	defer packets.Close() // the leader has its own descriptor
	if err := sendMsg(conn, message{kind: askTrunk, segment: n.seg.ns.ID(), file: packets}); err != nil {
		return err
	}
	if reply, err = recvMsg(conn); err != nil {
		return err
	}
	if reply.kind != replyYes {
		return errNotLeading
	}
	return nil
}

// becomeLeaf prepares a segment for a leader on another one. Ports of a former leader on this segment go: the bridge
// remembers behind them addresses that are behind the trunk now, and would send to nobody for minutes.
func (s *segment) becomeLeaf() error {
	links, err := s.nl.LinkList()
	if err != nil {
		return fmt.Errorf("list ports: %w", err)
	}
	have := false
	for _, l := range links {
		name := l.Attrs().Name
		have = have || name == trunkPort
		if name == gatewayPort || isLeafPort(name) {
			if err := s.delLink(name); err != nil {
				return err
			}
		}
	}
	if have {
		return nil
	}
	return s.addTap(trunkPort, trunkTap)
}

// becomeHub prepares a segment for the gateway.
func (s *segment) becomeHub() error {
	if err := s.delLink(trunkPort); err != nil {
		return err
	}
	if _, err := s.nl.LinkByName(gatewayTap); err == nil {
		return nil
	}
	return s.addTap(gatewayPort, gatewayTap)
}

// leafPort names the hub's port for another segment, and its other end.
func leafPort(segment uint64) (port, tap string) {
	return fmt.Sprintf("t%xp", segment), fmt.Sprintf("t%xt", segment)
}

func isLeafPort(name string) bool { return name[0] == 't' && name[len(name)-1] == 'p' }

// trunk carries frames between a follower's segment and ours until the follower ends. Of several followers on one
// segment only one has a trunk at a time: two would be a loop.
func (n *Network) trunk(conn *net.UnixConn, segment uint64, theirs *os.File) error {
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		for { // until the follower ends
			m, err := recvMsg(conn)
			if err != nil {
				return
			}
			if m.kind == askCheck {
				n.endpointsGone()
			}
		}
	}()
	ready := func() error { return sendMsg(conn, message{kind: replyYes}) }
	turn := n.trunkTurn(segment)
	select {
	case turn <- struct{}{}:
	default: // the segment has a trunk: be ready to replace it
		if err := ready(); err != nil {
			return err
		}
		ready = func() error { return nil }
		select {
		case turn <- struct{}{}:
		case <-gone:
			return nil
		}
	}
	defer func() { <-turn }()
	return n.carryTrunk(segment, theirs, ready, gone)
}

// carryTrunk makes the port for the other segment and carries frames until gone.
func (n *Network) carryTrunk(segment uint64, theirs *os.File, ready func() error, gone <-chan struct{}) error {
	port, tap := leafPort(segment)
	n.seg.delLink(port) // of a follower that ended while we did not lead
	if err := n.seg.addTap(port, tap); err != nil {
		return err
	}
	defer n.seg.delLink(port)
	ours, err := n.seg.packetSocket(tap, nil)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); pump(theirs, ours) }()
	go func() { defer wg.Done(); pump(ours, theirs) }()
	n.mu.Lock()
	gw := n.gw
	n.mu.Unlock()
	if gw != nil {
		gw.Announce()
	}
	if err = ready(); err == nil {
		<-gone
	}
	ours.Close()
	theirs.Close()
	wg.Wait()
	return err
}

// trunkTurn is held by whoever has the segment's trunk.
func (n *Network) trunkTurn(segment uint64) chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.trunks[segment] == nil {
		n.trunks[segment] = make(chan struct{}, 1)
	}
	return n.trunks[segment]
}

// pump carries frames, with their offload headers, until either socket closes.
func pump(dst, src *os.File) {
	in, err := src.SyscallConn()
	if err != nil {
		return
	}
	out, err := dst.SyscallConn()
	if err != nil {
		return
	}
	buf := make([]byte, packet.HeaderLen+128<<10)
	for {
		n, err := receiveFrame(in, buf)
		if err != nil {
			return
		}
		if n <= packet.HeaderLen {
			continue
		}
		err = out.Write(func(fd uintptr) bool {
			_, werr := unix.Write(int(fd), buf[:n])
			return werr != unix.EAGAIN // other errors lose the frame, as networks do
		})
		if err != nil {
			return
		}
	}
}

func receiveFrame(raw syscall.RawConn, buf []byte) (n int, err error) {
	err = raw.Read(func(fd uintptr) bool {
		var rerr error
		n, rerr = unix.Read(int(fd), buf)
		return rerr != unix.EAGAIN
	})
	return n, err
}
