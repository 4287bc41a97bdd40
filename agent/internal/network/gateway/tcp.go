//go:build linux

package gateway

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/caisson-dev/caisson/agent/internal/network/relay"
)

const (
	// maxPendingTCP is how many connections may be under way to the outside at a time; further SYNs are
	// dropped and sent again by the container's kernel.
	maxPendingTCP = 4096
	// dialTimeout: a container's kernel gives up after about two minutes.
	dialTimeout = 2 * time.Minute
)

// rememberSYN keeps the packet that asks for a connection until it is decided, since an ICMP error has to quote it.
func (g *Gateway) rememberSYN(next func(stack.TransportEndpointID, *stack.PacketBuffer) bool) func(stack.TransportEndpointID, *stack.PacketBuffer) bool {
	return func(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
		h := header.TCP(pkt.TransportHeader().Slice())
		if len(h) >= header.TCPMinimumSize && h.Flags() == header.TCPFlagSyn {
			clone := pkt.Clone()
			if _, again := g.syns.LoadOrStore(id, clone); again {
				clone.DecRef()
			}
		}
		return next(id, pkt)
	}
}

// forwardTCP answers a container's SYN only after the connection to the outside stands, so that the container
// sees what happened: accepted, refused, unreachable, or silence.
func (g *Gateway) forwardTCP(r *tcp.ForwarderRequest) {
	id := r.ID()
	syn, ok := g.syns.LoadAndDelete(id)
	if ok {
		defer syn.(*stack.PacketBuffer).DecRef()
	}
	if !g.begin() {
		r.Complete(false)
		return
	}
	defer g.wg.Done()
	src := fromTCPIP(id.RemoteAddress)
	targets, err := g.rules.targets(src, netip.AddrPortFrom(fromTCPIP(id.LocalAddress), id.LocalPort))
	if err != nil {
		r.Complete(true)
		return
	}
	out, err := g.dial("tcp", targets)
	if err != nil {
		g.refuse(r, syn, err)
		return
	}
	host := relay.Host{TCPConn: out.(*net.TCPConn)}
	var wq waiter.Queue
	ep, terr := r.CreateEndpoint(&wq)
	r.Complete(false)
	if terr != nil {
		host.Abort()
		return
	}
	f := &tcpFlow{newNetstack(ep, &wq), host}
	if !g.track(src, f) {
		f.abort()
		return
	}
	relay.Streams(f.inner, f.outer)
	g.untrack(src, f)
}

// begin counts a goroutine in, unless the gateway closes.
func (g *Gateway) begin() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ctx.Err() != nil {
		return false
	}
	g.wg.Add(1)
	return true
}

func (g *Gateway) refuse(r *tcp.ForwarderRequest, syn any, err error) {
	var ne net.Error
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.EADDRNOTAVAIL):
		r.Complete(false)
		if pkt, ok := syn.(*stack.PacketBuffer); ok {
			g.reject(pkt, unreachableHost)
		}
	case errors.Is(err, context.Canceled), errors.As(err, &ne) && ne.Timeout():
		r.Complete(false) // the outside was silent: so are we
	default:
		r.Complete(true)
	}
}

type tcpFlow struct {
	inner netstack
	outer relay.Host
}

func (f *tcpFlow) abort() {
	f.inner.Abort()
	f.outer.Abort()
}
