//go:build linux

package network

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
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
	if _, err := n.seg.nl.LinkByName(trunkTap); err != nil {
		if err := n.seg.addTap(trunkPort, trunkTap); err != nil {
			return err
		}
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

// trunk carries frames between a follower's segment and ours until the follower ends. Of several followers on one
// segment only one has a trunk at a time: two would be a loop.
func (n *Network) trunk(conn *net.UnixConn, segment uint64, theirs *os.File) error {
	lock := n.trunkLock(segment)
	lock.Lock()
	defer lock.Unlock()
	port := fmt.Sprintf("t%xp", segment)
	tap := fmt.Sprintf("t%xt", segment)
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
	if err = sendMsg(conn, message{kind: replyYes}); err == nil {
		n.mu.Lock()
		gw := n.gw
		n.mu.Unlock()
		if gw != nil {
			gw.announce()
		}
		recvMsg(conn) // until the follower ends
	}
	ours.Close()
	theirs.Close()
	wg.Wait()
	return err
}

func (n *Network) trunkLock(segment uint64) *sync.Mutex {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.trunks[segment] == nil {
		n.trunks[segment] = new(sync.Mutex)
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
	buf := make([]byte, vnetHdrLen+128<<10)
	for {
		n, err := receiveFrame(in, buf)
		if err != nil {
			return
		}
		if n <= vnetHdrLen {
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
