// Package forward publishes a port of a container by this process, when the engine did not publish it.
//
// It listens on the loopback of this machine and is given the way to the container.
package forward

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Port is a port of a container that this process forwards connections to.
type Port struct {
	ln net.Listener

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool
}

// dialTimeout is how long a client waits for its connection.
const dialTimeout = time.Minute

// Listen forwards connections to a free port of 127.0.0.1 to what dial connects to, until Close.
//
// Errors: those of net.Listen.
func Listen(dial func(context.Context) (net.Conn, error)) (*Port, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	return Serve(ln, dial), nil
}

// Serve is Listen with a listener of TCP, which Close closes.
func Serve(ln net.Listener, dial func(context.Context) (net.Conn, error)) *Port {
	p := &Port{ln: ln, conns: map[net.Conn]struct{}{}}
	go p.serve(dial)
	return p
}

// Addr is where it listens.
func (p *Port) Addr() netip.AddrPort {
	at := p.ln.Addr().(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
}

// Close ends it and its connections.
func (p *Port) Close() {
	p.ln.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for c := range p.conns {
		c.Close()
	}
}

func (p *Port) serve(dial func(context.Context) (net.Conn, error)) {
	for {
		in, err := p.ln.Accept()
		if err != nil {
			return // closed
		}
		go func() {
			defer in.Close()
			ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
			out, err := dial(ctx)
			cancel()
			if err != nil {
				return // the client sees its connection end, as with a published port where nothing listens
			}
			defer out.Close()
			if p.track(in, out) {
				defer p.untrack(in, out)
				relay(in, out)
			}
		}()
	}
}

// relay copies both ways, and passes the end of one way on before the other has ended.
func relay(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			_, err := io.Copy(way[0], way[1])
			if tc, ok := way[0].(*net.TCPConn); ok && err == nil {
				err = tc.CloseWrite()
			}
			if err != nil { // broken: both ends shall know
				a.Close()
				b.Close()
			}
		})
	}
	wg.Wait()
}

func (p *Port) track(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return !p.closed
}

func (p *Port) untrack(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}
