//go:build linux

package gateway

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/caisson-dev/caisson/agent/internal/network/relay"
)

const (
	// udpIdle ends a session nobody uses; as long as the kernel's connection tracking keeps streams.
	udpIdle = 120 * time.Second
	// maxUDPSessions bounds what a container that scans ports can cost.
	maxUDPSessions = 8192
)

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
	if g.sessions.Load() >= maxUDPSessions || !g.begin() {
		return true // dropped
	}
	out, err := g.dial("udp", targets[:1])
	if err != nil {
		g.wg.Done()
		g.reject(pkt, unreachableHost)
		return true
	}
	s := &udpSession{g: g, src: src, outer: out.(*net.UDPConn), quote: pkt.Clone(), done: make(chan struct{})}
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
	g.sessions.Add(1)
	go s.run()
	return true
}

// udpSession is what one container's port says to one address outside, and hears from it.
type udpSession struct {
	g     *Gateway
	src   netip.Addr
	inner tcpip.Endpoint
	wq    waiter.Queue
	outer *net.UDPConn
	quote *stack.PacketBuffer // the first packet, for ICMP errors

	used atomic.Int64 // when, in Unix nanoseconds
	once sync.Once
	done chan struct{}
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
	s.g.sessions.Add(-1)
}

// send carries the container's datagrams out until abort, or until the session was idle for udpIdle.
func (s *udpSession) send() {
	entry, readable := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.EventHUp)
	s.wq.EventRegister(&entry)
	defer s.wq.EventUnregister(&entry)
	idle := time.NewTimer(udpIdle)
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
			left := udpIdle - time.Since(time.Unix(0, s.used.Load()))
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
