//go:build linux

package gateway

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"github.com/caisson-dev/caisson/agent/internal/network/dns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

// Gateway ends every connection that leaves the network and continues it with a socket of this process. It runs
// in the process that leads.
type Gateway struct {
	cfg    Config
	spec   plan.Spec
	rules  rules
	mac    net.HardwareAddr
	link   *link
	stack  *stack.Stack
	dns    *dns.Server
	pinger *pinger
	dialer net.Dialer

	ctx    context.Context // ends dials
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	flows map[netip.Addr]map[flow]struct{} // by container

	attempts sync.Map // stack.TransportEndpointID → *attempt, while a connection is decided
	full     sync.Once
}

// flow is a connection or session through the gateway that can be ended from outside.
type flow interface{ abort() }

const nicID = 1

// Config of a Gateway.
type Config struct {
	Spec plan.Spec // of the network, complete
	// Owns reports whether an address belongs to some network.
	Owns func(netip.Addr) bool
	// Endpoint is the one of this network that has an address.
	Endpoint func(netip.Addr) (plan.EndpointRecord, bool)
	// Shares are what all gateways of this process have together.
	Shares *share.Pool
	DNS    dns.Config
	Logger *slog.Logger
}

// Start starts a network's gateway on a packet socket that has the Filter, which it closes in the end.
func Start(socket *os.File, cfg Config) (*Gateway, error) {
	g := &Gateway{cfg: cfg, spec: cfg.Spec, mac: plan.MAC(cfg.Spec.Gateway4), flows: map[netip.Addr]map[flow]struct{}{}}
	g.dialer.Control = noBroadcast
	g.rules = rules{spec: cfg.Spec, owns: cfg.Owns, open: g.openTo, host: new(hostAddrs).get}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.pinger = newPinger(g)
	addrs := addresses(cfg.Spec)
	var err error
	if g.link, err = newLink(socket, g.spec.MTU, tcpip.LinkAddress(g.mac), g.pinger.intercept); err == nil {
		err = g.startStack(addrs)
	}
	if err != nil {
		socket.Close()
		return nil, err
	}
	if err := g.serveDNS(addrs); err != nil {
		g.Close()
		return nil, err
	}
	g.Announce()
	return g, nil
}

// addresses are the gateway's own.
func addresses(spec plan.Spec) []netip.Addr {
	addrs := []netip.Addr{spec.Gateway4}
	if spec.IPv6.IsValid() {
		addrs = append(addrs, spec.Gateway6)
	}
	return addrs
}

func (g *Gateway) startStack(addrs []netip.Addr) error {
	g.stack = stack.New(stack.Options{
		NetworkProtocols: []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{
			tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6,
		},
	})
	if err := g.stack.CreateNIC(nicID, g.link); err != nil {
		return fmt.Errorf("netstack: create card: %s", err)
	}
	for _, a := range addrs {
		pa := tcpip.ProtocolAddress{Protocol: netProto(a), AddressWithPrefix: toTCPIP(a).WithPrefix()}
		if err := g.stack.AddProtocolAddress(nicID, pa, stack.AddressProperties{}); err != nil {
			return fmt.Errorf("netstack: add address %s: %s", a, err)
		}
	}
	// Take packets to every address, and answer from it.
	g.stack.SetSpoofing(nicID, true)
	g.stack.SetPromiscuousMode(nicID, true)
	var routes []tcpip.Route
	for _, p := range []netip.Prefix{g.spec.IPv4, g.spec.IPv6} {
		if p.IsValid() {
			dst := tcpip.AddressWithPrefix{Address: toTCPIP(p.Addr()), PrefixLen: p.Bits()}.Subnet()
			routes = append(routes, tcpip.Route{Destination: dst, NIC: nicID})
		}
	}
	g.stack.SetRouteTable(routes)
	g.tune()
	forwarder := tcp.NewForwarder(g.stack, 0, math.MaxInt, g.forwardTCP) // beginTCP bounds them
	g.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, g.beginTCP(forwarder.HandlePacket))
	g.stack.SetTransportProtocolHandler(udp.ProtocolNumber, g.forwardUDP)
	return nil
}

func (g *Gateway) tune() {
	sack := tcpip.TCPSACKEnabled(true)
	g.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &sack)
	// Loopback and veth have no delay to speak of: larger windows only fill memory.
	rcv := tcpip.TCPReceiveBufferSizeRangeOption{Min: 4 << 10, Default: 1 << 20, Max: 8 << 20}
	g.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &rcv)
	snd := tcpip.TCPSendBufferSizeRangeOption{Min: 4 << 10, Default: 1 << 20, Max: 8 << 20}
	g.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &snd)
	// What a bridge has not delivered within a second is lost. With the usual minute a busy client's connections would be
	// remembered by the ten thousands.
	wait := tcpip.TCPTimeWaitTimeoutOption(time.Second)
	g.stack.SetTransportProtocolOption(tcp.ProtocolNumber, &wait)
}

// Close ends every flow and the gateway.
func (g *Gateway) Close() {
	g.cancel()
	if g.dns != nil {
		g.dns.Close()
	}
	g.mu.Lock()
	var all []flow
	for _, flows := range g.flows {
		for f := range flows {
			all = append(all, f)
		}
	}
	g.mu.Unlock()
	for _, f := range all {
		f.abort()
	}
	g.stack.RemoveNIC(nicID) // closes the packet socket
	g.wg.Wait()
	g.stack.Close()
	g.stack.Wait()
}

// track remembers a flow of a container; it reports false when the gateway closes.
func (g *Gateway) track(container netip.Addr, f flow) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ctx.Err() != nil {
		return false
	}
	if g.flows[container] == nil {
		g.flows[container] = map[flow]struct{}{}
	}
	g.flows[container][f] = struct{}{}
	return true
}

func (g *Gateway) untrack(container netip.Addr, f flow) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.flows[container], f)
	if len(g.flows[container]) == 0 {
		delete(g.flows, container)
	}
}

// Drop ends the flows of an endpoint that was detached: nobody would ever answer them.
func (g *Gateway) Drop(addrs ...netip.Addr) {
	for _, a := range addrs {
		g.mu.Lock()
		var gone []flow
		for f := range g.flows[a] {
			gone = append(gone, f)
		}
		g.mu.Unlock()
		for _, f := range gone {
			f.abort()
		}
	}
}

// DropOthers ends the flows of every address that is not kept.
func (g *Gateway) DropOthers(keep func(netip.Addr) bool) {
	g.mu.Lock()
	var gone []netip.Addr
	for a := range g.flows {
		if !keep(a) {
			gone = append(gone, a)
		}
	}
	g.mu.Unlock()
	g.Drop(gone...)
}

// Announce tells bridges where the gateway is now: after a change of leader it may be behind another port. It says so
// more than once, as a port that has just come up may lose the first frames.
func (g *Gateway) Announce() {
	gw := g.spec.Gateway4.As4()
	frame := make([]byte, 0, 60)
	frame = append(frame, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	frame = append(frame, g.mac...)
	frame = append(frame, 0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1) // ARP request for itself
	frame = append(frame, g.mac...)
	frame = append(frame, gw[:]...)
	frame = append(frame, 0, 0, 0, 0, 0, 0)
	frame = append(frame, gw[:]...)
	frame = frame[:cap(frame)]
	g.link.send(frame)
	if !g.begin() {
		return
	}
	go func() {
		defer g.wg.Done()
		for _, pause := range []time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, time.Second} {
			select {
			case <-g.ctx.Done():
				return
			case <-time.After(pause):
				g.link.send(frame)
			}
		}
	}()
}

// openTo is what the container with an address reaches of the host's loopback.
func (g *Gateway) openTo(src netip.Addr) plan.HostPorts {
	e, _ := g.cfg.Endpoint(src)
	return e.HostPorts
}

// take takes a share for the container with an address. Addresses that no container was given share one; so a container
// that makes up addresses gains nothing. It is nil when the container holds too much.
func (g *Gateway) take(src netip.Addr, want share.Amount) *share.Lease {
	e, _ := g.cfg.Endpoint(src)
	l := g.cfg.Shares.Take(g.spec.Name, e.Container, want)
	if l == nil {
		g.full.Do(func() {
			g.cfg.Logger.Warn("a container holds all the connections that it can have: its packets for more are dropped", "container", e.Name, "address", src)
		})
	}
	return l
}

// dial connects to the first of targets that accepts.
func (g *Gateway) dial(ctx context.Context, network string, targets []netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var first error
	for _, t := range targets {
		c, err := g.dialer.DialContext(ctx, network, t.String())
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func netProto(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

func toTCPIP(a netip.Addr) tcpip.Address {
	if a.Is4() {
		return tcpip.AddrFrom4(a.As4())
	}
	return tcpip.AddrFrom16(a.As16())
}

func fromTCPIP(a tcpip.Address) netip.Addr {
	addr, _ := netip.AddrFromSlice(a.AsSlice())
	return addr
}
