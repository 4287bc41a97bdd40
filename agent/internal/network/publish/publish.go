//go:build linux

package publish

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/relay"
)

// udpIdle is as long as the kernel's connection tracking keeps streams.
const udpIdle = 120 * time.Second

// Options tune published ports. The zero value is right.
type Options struct {
	UDPIdle time.Duration // how long a UDP client is remembered; 0: two minutes
	Logger  *slog.Logger  // nil: silent
	// Admit reports whether the container may have a further connection or client, for which that many descriptors are
	// opened, and is told when that is done. nil: always.
	Admit func(descriptors int) (done func(), ok bool)
}

// Publication is a container's published ports.
type Publication struct {
	opts     Options
	bindings []Binding
	servers  []portServer

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	target *target
	active bool
	closed bool
}

// portServer is one bound port.
type portServer interface {
	serve() // until close
	close()
}

// target is where connections go: the container's addresses, dialled from inside its namespace.
type target struct {
	thread     *netns.Thread
	ipv4, ipv6 netip.Addr
}

// Bind binds the ports, all or none, so that they are reserved before the container starts. Connections wait
// in the listeners' queues until Activate. Errors: *PortInUseError (ErrPortInUse), ErrInvalid.
func Bind(ctx context.Context, mappings []Mapping, o Options) (*Publication, error) {
	if o.UDPIdle == 0 {
		o.UDPIdle = udpIdle
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Admit == nil {
		o.Admit = func(int) (func(), bool) { return func() {}, true }
	}
	p := &Publication{opts: o}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for _, m := range mappings {
		reqs, err := m.expand()
		for i := 0; err == nil && i < len(reqs); i++ {
			err = p.bind(ctx, reqs[i])
		}
		if err != nil {
			p.Close()
			return nil, err
		}
	}
	return p, nil
}

// bind takes the first free candidate.
func (p *Publication) bind(ctx context.Context, r request) error {
	var first error
	for _, at := range r.candidates {
		srv, bound, err := p.listen(ctx, r, at)
		if err == nil {
			p.servers = append(p.servers, srv)
			p.bindings = append(p.bindings, Binding{Host: bound, Container: r.container, Proto: r.proto})
			return nil
		}
		if errors.Is(err, unix.EADDRINUSE) {
			err = &PortInUseError{Proto: r.proto, Addr: at.String(), Err: err}
		} else {
			err = fmt.Errorf("publish %s/%s: %w", at, r.proto, err)
		}
		if errors.Is(err, unix.EACCES) {
			err = fmt.Errorf("%w: ports below net.ipv4.ip_unprivileged_port_start are root's; publish a higher one", err)
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, ErrPortInUse) {
			break
		}
	}
	if n := len(r.candidates); n > 1 && errors.Is(first, ErrPortInUse) {
		return fmt.Errorf("%w: so are all up to %d", first, r.candidates[n-1].Port())
	}
	return first
}

func (p *Publication) listen(ctx context.Context, r request, at netip.AddrPort) (portServer, netip.AddrPort, error) {
	var lc net.ListenConfig
	if r.proto == "udp" {
		c, err := lc.ListenPacket(ctx, "udp"+family(at.Addr()), at.String())
		if err != nil {
			return nil, at, err
		}
		conn := c.(*net.UDPConn)
		srv, err := newUDPServer(p, conn, r.container)
		return srv, conn.LocalAddr().(*net.UDPAddr).AddrPort(), err
	}
	l, err := lc.Listen(ctx, "tcp"+family(at.Addr()), at.String())
	if err != nil {
		return nil, at, err
	}
	ln := l.(*net.TCPListener)
	return &tcpServer{p: p, ln: ln, port: r.container, conns: map[relay.Host]struct{}{}}, ln.Addr().(*net.TCPAddr).AddrPort(), nil
}

// family keeps Go from turning 0.0.0.0 into both families.
func family(a netip.Addr) string {
	if a.Is4() {
		return "4"
	}
	return "6"
}

// Bindings lists what was bound, in the order of the mappings.
func (p *Publication) Bindings() []Binding { return p.bindings }

// Activate begins to forward to the container, at ipv4 or, where that is not valid, ipv6; neither is its loopback,
// for containers without a network. Activating again redirects new connections. ns may be closed afterwards.
func (p *Publication) Activate(ns *netns.NS, ipv4, ipv6 netip.Addr) error {
	if len(p.servers) == 0 {
		return nil
	}
	thread, err := ns.Thread()
	if err != nil {
		return fmt.Errorf("activate published ports: %w", err)
	}
	if !ipv4.IsValid() && !ipv6.IsValid() {
		ipv4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		thread.Close()
		return fmt.Errorf("activate published ports: %w", ErrClosed)
	}
	if p.target != nil {
		p.target.thread.Close()
	}
	p.target = &target{thread: thread, ipv4: ipv4, ipv6: ipv6}
	if p.active {
		return nil
	}
	p.active = true
	for _, s := range p.servers {
		p.wg.Add(1)
		go func() {
			defer p.wg.Done()
			s.serve()
		}()
	}
	return nil
}

// dial connects to a port of the container from inside, over IPv6 where IPv4 refuses or is missing.
func (p *Publication) dial(network string, port uint16) (net.Conn, error) {
	p.mu.Lock()
	t := p.target
	p.mu.Unlock()
	var c net.Conn
	err := ErrClosed
	for _, a := range []netip.Addr{t.ipv4, t.ipv6} {
		if !a.IsValid() {
			continue
		}
		if c, err = t.thread.Dial(p.ctx, network, netip.AddrPortFrom(a, port)); err == nil {
			return c, nil
		}
		if !errors.Is(err, unix.ECONNREFUSED) {
			break
		}
	}
	return nil, err
}

// Close frees the ports and ends every connection through them.
func (p *Publication) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil
	}
	p.closed = true
	t := p.target
	p.mu.Unlock()
	p.cancel()
	for _, s := range p.servers {
		s.close()
	}
	p.wg.Wait()
	if t != nil {
		t.thread.Close()
	}
	return nil
}
