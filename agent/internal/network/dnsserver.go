//go:build linux

package network

import (
	"fmt"
	"net"
	"net/netip"
	"sync"

	"github.com/miekg/dns"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
)

// dnsServer answers at the gateway's addresses, port 53, UDP and TCP.
type dnsServer struct {
	names   *names
	forward *forwarder
	servers []*dns.Server
	wg      sync.WaitGroup
}

func startDNS(g *gateway, addrs []netip.Addr) (*dnsServer, error) {
	d := &dnsServer{names: &names{m: g.n.m, home: g.n.dir}, forward: newForwarder(g)}
	for _, a := range addrs {
		full := tcpip.FullAddress{NIC: nicID, Addr: toTCPIP(a), Port: 53}
		pc, err := gonet.DialUDP(g.stack, &full, nil, netProto(a))
		if err != nil {
			d.close()
			return nil, fmt.Errorf("serve DNS on %s: %w", a, err)
		}
		d.serve(&dns.Server{PacketConn: pc, Handler: d, UDPSize: 4096})
		ln, err := gonet.ListenTCP(g.stack, full, netProto(a))
		if err != nil {
			d.close()
			return nil, fmt.Errorf("serve DNS on %s: %w", a, err)
		}
		d.serve(&dns.Server{Listener: ln, Handler: d})
	}
	return d, nil
}

func (d *dnsServer) serve(s *dns.Server) {
	started := make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	failed := make(chan struct{})
	d.servers = append(d.servers, s)
	d.wg.Add(1)
	go func() {
		defer d.wg.Done()
		defer close(failed)
		s.ActivateAndServe()
	}()
	select { // Shutdown of a server that has not started does nothing
	case <-started:
	case <-failed:
	}
}

func (d *dnsServer) close() {
	d.forward.close()
	for _, s := range d.servers {
		s.Shutdown()
	}
	d.wg.Wait()
}

// ServeDNS implements dns.Handler.
func (d *dnsServer) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
	reply := d.reply(w.RemoteAddr(), r)
	if _, tcp := w.RemoteAddr().(*net.TCPAddr); !tcp {
		size := dns.MinMsgSize
		if o := r.IsEdns0(); o != nil {
			size = max(size, int(o.UDPSize()))
		}
		reply.Truncate(size)
	}
	w.WriteMsg(reply)
}

func (d *dnsServer) reply(from net.Addr, r *dns.Msg) *dns.Msg {
	if len(r.Question) != 1 || r.Opcode != dns.OpcodeQuery {
		return new(dns.Msg).SetRcode(r, dns.RcodeNotImplemented)
	}
	asker := d.names.asker(addrOf(from))
	if reply, ours := d.names.answer(asker, r); ours {
		return reply
	}
	if !asker.outside {
		// There is nobody to ask, so the name does not exist here; SERVFAIL would make clients try for seconds.
		return new(dns.Msg).SetRcode(r, dns.RcodeNameError)
	}
	_, tcp := from.(*net.TCPAddr)
	return d.forward.exchange(r, asker.resolvers, tcp)
}

func addrOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap()
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
