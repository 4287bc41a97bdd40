//go:build linux

package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/caisson-dev/caisson/agent/internal/network/relay"
	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

const (
	// udpIdle ends a session nobody uses; as long as the kernel's connection tracking keeps streams.
	udpIdle = 120 * time.Second
	// udpAskIdle ends one that was not answered, or had one question and its answer, as of DNS. The kernel's is the same.
	udpAskIdle = 30 * time.Second
	// udpStream is how long a session that was answered must have been used to count as a stream, as in the kernel.
	udpStream = 2 * time.Second
	// evictIdle: a session that was not used for that long goes if its container wants another one and has no more.
	evictIdle = 10 * time.Second
	// evictTries is how many sessions are looked at for one to evict: a flood must not cost a search for each packet.
	evictTries = 8
)

// idleLimit is how long a session is kept that nobody uses.
func idleLimit(answered bool, used time.Duration) time.Duration {
	if answered && used > udpStream {
		return udpIdle
	}
	return udpAskIdle
}

// forwardUDP sees the first packet of every UDP session, and every packet while no session could be made. It
// runs on the goroutine that reads the network, so it must not wait: connecting a UDP socket does not.
func (g *Gateway) forwardUDP(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
	src := fromTCPIP(id.RemoteAddress)
	targets, err := g.rules.targets(src, netip.AddrPortFrom(fromTCPIP(id.LocalAddress), id.LocalPort))
	switch {
	case errors.Is(err, errNotOpen):
		g.reject(pkt, unreachablePort)
		return true
	case err != nil:
		g.reject(pkt, prohibited)
		return true
	}
	lease := g.takeUDP(src)
	if lease == nil || !g.begin() {
		lease.Release()
		return true // dropped
	}
	out, err := g.dial(g.ctx, "udp", targets[:1])
	if err != nil {
		lease.Release()
		g.wg.Done()
		g.reject(pkt, unreachableHost)
		return true
	}
	s := &udpSession{g: g, src: src, outer: out.(*net.UDPConn), lease: lease, quote: pkt.Clone(), begun: time.Now(), done: make(chan struct{})}
	s.touch()
	// The forwarder is made for each packet as it only wraps the callback.
	udp.NewForwarder(g.stack, func(r *udp.ForwarderRequest) {
		s.inner, _ = r.CreateEndpoint(&s.wq)
	}).HandlePacket(id, pkt)
	if s.inner == nil || !g.track(s.src, s) {
		s.abort()
		s.quote.DecRef()
		g.wg.Done()
		return true
	}
	go s.run()
	return true
}

// takeUDP takes what a session needs; a container that has none left gives up one that it does not use.
func (g *Gateway) takeUDP(src netip.Addr) *share.Lease {
	want := share.Amount{share.Descriptors: 1, share.Flows: 1, share.Sessions: 1}
	lease := g.take(src, want)
	if lease == nil && g.evict(src) {
		lease = g.take(src, want)
	}
	return lease
}

// evict ends a session of UDP of a container that was idle for a while: the oldest of a few.
func (g *Gateway) evict(src netip.Addr) bool {
	var oldest *udpSession
	g.mu.Lock()
	tries := 0
	for f := range g.flows[src] { // in no order
		if s, ok := f.(*udpSession); ok && (oldest == nil || s.used.Load() < oldest.used.Load()) {
			oldest = s
		}
		if tries++; tries == evictTries {
			break
		}
	}
	g.mu.Unlock()
	if oldest == nil || time.Since(time.Unix(0, oldest.used.Load())) < evictIdle {
		return false
	}
	oldest.abort()
	return true
}

// noBroadcast makes a socket that can't send to all of the host's network, as the kernel's forwarding does not.
func noBroadcast(network, _ string, c syscall.RawConn) (err error) {
	if !strings.HasPrefix(network, "udp") {
		return nil
	}
	cerr := c.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0) })
	return errors.Join(cerr, err)
}

// udpSession is what one container's port says to one address outside, and hears from it.
type udpSession struct {
	g     *Gateway
	src   netip.Addr
	inner tcpip.Endpoint
	wq    waiter.Queue
	outer *net.UDPConn
	lease *share.Lease
	quote *stack.PacketBuffer // the first packet, for ICMP errors
	begun time.Time

	used     atomic.Int64 // when, in Unix nanoseconds
	answered atomic.Bool
	once     sync.Once
	done     chan struct{}
}

func (s *udpSession) touch() { s.used.Store(time.Now().UnixNano()) }

func (s *udpSession) run() {
	defer s.g.wg.Done()
	inbound := make(chan struct{})
	go func() {
		defer close(inbound)
		s.receive()
	}()
	s.send()
	s.abort()
	<-inbound
	s.g.untrack(s.src, s)
	s.quote.DecRef()
}

// send carries the container's datagrams out until abort, or until the session was idle for too long.
func (s *udpSession) send() {
	entry, readable := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventHUp)
	s.wq.EventRegister(&entry)
	defer s.wq.EventUnregister(&entry)
	idle := time.NewTimer(udpAskIdle)
	defer idle.Stop()
	for {
		for s.sendOne() {
			s.touch()
		}
		select {
		case <-readable:
		case <-s.done:
			return
		case <-idle.C:
			used := time.Unix(0, s.used.Load())
			left := idleLimit(s.answered.Load(), used.Sub(s.begun)) - time.Since(used)
			if left <= 0 {
				return
			}
			idle.Reset(left)
		}
	}
}

// sendOne reports whether there was a datagram to send.
func (s *udpSession) sendOne() bool {
	w := gather{buf: relay.Datagrams.Get().(*relay.Datagram)}
	defer relay.Datagrams.Put(w.buf)
	if _, err := s.inner.Read(&w, tcpip.ReadOptions{}); err != nil {
		return false
	}
	if _, err := s.outer.Write(w.buf[:w.n]); errors.Is(err, unix.ECONNREFUSED) {
		s.g.reject(s.quote, unreachablePort)
	}
	return true
}

// receive carries datagrams in until the outer socket closes.
func (s *udpSession) receive() {
	defer s.abort()
	raw, err := s.outer.SyscallConn()
	if err != nil {
		return
	}
	for {
		buf, n, err := relay.ReadDatagram(raw)
		switch {
		case err == nil:
			_, terr := s.inner.Write(bytes.NewReader(buf[:n]), tcpip.WriteOptions{})
			relay.Datagrams.Put(buf)
			if _, closed := terr.(*tcpip.ErrClosedForSend); closed {
				return
			}
			s.answered.Store(true)
			s.touch()
		case errors.Is(err, unix.ECONNREFUSED):
			s.g.reject(s.quote, unreachablePort) // and stay: a server may start there yet
		case errors.Is(err, net.ErrClosed):
			return
		}
	}
}

func (s *udpSession) abort() {
	s.once.Do(func() {
		close(s.done)
		s.outer.Close()
		if s.inner != nil {
			s.inner.Close()
		}
		s.lease.Release()
	})
}

// gather puts the pieces of one datagram together.
type gather struct {
	buf *relay.Datagram
	n   int
}

func (g *gather) Write(b []byte) (int, error) {
	n := copy(g.buf[g.n:], b)
	g.n += n
	if n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}
