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
	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

// dialTimeout: a container's kernel gives up after about two minutes.
const dialTimeout = 2 * time.Minute

// attempt is a connection of a container that is being made. It is a flow, too.
type attempt struct {
	ctx    context.Context
	cancel context.CancelFunc
	src    netip.Addr
	syn    *stack.PacketBuffer // that asked for it, since an ICMP error has to quote it
	lease  *share.Lease
}

// abort ends the attempt at once, whatever it waits for.
func (a *attempt) abort() {
	a.cancel()
	a.lease.Release()
}

// beginTCP takes a share for each connection that a container asks for, before anything else is done for it. Where it
// gets none, the packet is dropped, as by a kernel with a full backlog: the container's sends it again.
func (g *Gateway) beginTCP(next func(stack.TransportEndpointID, *stack.PacketBuffer) bool) func(stack.TransportEndpointID, *stack.PacketBuffer) bool {
	return func(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
		h := header.TCP(pkt.TransportHeader().Slice())
		if len(h) < header.TCPMinimumSize || !h.Flags().Contains(header.TCPFlagSyn) || h.Flags().Contains(header.TCPFlagAck) {
			return next(id, pkt)
		}
		if _, again := g.attempts.Load(id); again {
			return true
		}
		src := fromTCPIP(id.RemoteAddress)
		lease := g.takeTCP(src)
		if lease == nil {
			return true
		}
		a := &attempt{src: src, syn: pkt.Clone(), lease: lease}
		a.ctx, a.cancel = context.WithCancel(g.ctx)
		g.attempts.Store(id, a)
		if !g.track(src, a) || !next(id, pkt) {
			g.endAttempt(id, a)
			a.lease.Release()
		}
		return true
	}
}

// takeTCP takes what a connection needs. A container that has none left gives up a session of UDP that it does not use.
func (g *Gateway) takeTCP(src netip.Addr) *share.Lease {
	want := share.Amount{share.Descriptors: 1, share.Flows: 1, share.Pending: 1}
	lease := g.take(src, want)
	if lease == nil && g.evict(src) {
		lease = g.take(src, want)
	}
	return lease
}

// endAttempt forgets an attempt that was decided.
func (g *Gateway) endAttempt(id stack.TransportEndpointID, a *attempt) {
	g.untrack(a.src, a)
	g.attempts.Delete(id)
	a.cancel()
	a.syn.DecRef()
}

// forwardTCP answers a container's SYN only after the connection to the outside stands, so that the container
// sees what happened: accepted, refused, unreachable, or silence.
func (g *Gateway) forwardTCP(r *tcp.ForwarderRequest) {
	id := r.ID()
	found, ok := g.attempts.Load(id)
	if !ok {
		r.Complete(false)
		return
	}
	a := found.(*attempt)
	defer a.lease.Release()
	if !g.begin() {
		r.Complete(false)
		g.endAttempt(id, a)
		return
	}
	defer g.wg.Done()
	f := g.connect(r, a)
	if f != nil && (!g.track(a.src, f) || a.ctx.Err() != nil) {
		g.untrack(a.src, f)
		f.abort()
		f = nil
	}
	g.endAttempt(id, a)
	if f == nil {
		return
	}
	a.lease.Return(share.Amount{share.Pending: 1})
	relay.Streams(f.inner, f.outer)
	g.untrack(a.src, f)
	f.inner.awaitEnd(g.ctx)
}

// connect makes both sides of a connection, or tells the container why there is none.
func (g *Gateway) connect(r *tcp.ForwarderRequest, a *attempt) *tcpFlow {
	id := r.ID()
	targets, err := g.rules.targets(a.src, netip.AddrPortFrom(fromTCPIP(id.LocalAddress), id.LocalPort))
	if err != nil {
		r.Complete(true)
		return nil
	}
	out, err := g.dial(a.ctx, "tcp", targets)
	if err != nil {
		g.refuse(r, a.syn, err)
		return nil
	}
	size := bufferSizes(g.heldFlows(a.src))
	host := relay.Host{TCPConn: out.(*net.TCPConn), Buffers: size.relay}
	stop := context.AfterFunc(a.ctx, host.Abort) // while the container does not finish the handshake
	var wq waiter.Queue
	ep, terr := r.CreateEndpoint(&wq)
	r.Complete(false)
	if terr != nil {
		host.Abort()
		return nil
	}
	f := &tcpFlow{newNetstack(ep, &wq, size), host}
	if !stop() {
		f.abort()
		return nil
	}
	return f
}

// heldFlows is how many connections the container with an address has.
func (g *Gateway) heldFlows(src netip.Addr) int {
	e, _ := g.cfg.Endpoint(src)
	return g.cfg.Shares.Held(g.spec.Name, e.Container)[share.Flows]
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

func (g *Gateway) refuse(r *tcp.ForwarderRequest, syn *stack.PacketBuffer, err error) {
	var ne net.Error
	switch {
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EACCES), errors.Is(err, unix.EADDRNOTAVAIL):
		r.Complete(false)
		g.reject(syn, unreachableHost)
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
