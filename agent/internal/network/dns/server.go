//go:build linux

package dns

import (
	"net"
	"net/netip"
	"sync"

	"github.com/miekg/dns"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// Config of a Server.
type Config struct {
	// Records are those of all networks, as they are now. home is that of the network whose gateway this is, which is
	// among them; nil: it was removed.
	Records func() (home *plan.Record, all []*plan.Record)
	// Resolvers are the host's.
	Resolvers func() []netip.AddrPort
	// Admit reports whether a container, by its address, may have one more question or connection under way, and is told
	// when that is done.
	Admit func(netip.Addr) (done func(), ok bool)
}

// Server answers the containers of one network.
type Server struct {
	cfg     Config
	forward *forwarder
	servers []*dns.Server
	wg      sync.WaitGroup
}

// New returns a server that serves nowhere yet.
func New(cfg Config) *Server { return &Server{cfg: cfg, forward: newForwarder(cfg.Resolvers)} }

// ServePacket serves UDP on a socket, which Close closes.
func (d *Server) ServePacket(c net.PacketConn) {
	d.serve(&dns.Server{PacketConn: c, Handler: d, UDPSize: 4096})
}

// ServeStream serves TCP on a listener, which Close closes.
func (d *Server) ServeStream(l net.Listener) {
	d.serve(&dns.Server{Listener: &sharedListener{l, d.cfg.Admit}, Handler: d})
}

func (d *Server) serve(s *dns.Server) {
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

// Close ends what is being answered and the sockets.
func (d *Server) Close() {
	d.forward.close()
	for _, s := range d.servers {
		s.Shutdown()
	}
	d.wg.Wait()
}

// ServeDNS implements dns.Handler.
func (d *Server) ServeDNS(w dns.ResponseWriter, r *dns.Msg) {
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

func (d *Server) reply(from net.Addr, r *dns.Msg) *dns.Msg {
	if len(r.Question) != 1 || r.Opcode != dns.OpcodeQuery {
		return new(dns.Msg).SetRcode(r, dns.RcodeNotImplemented)
	}
	asker := d.cfg.asker(addrOf(from))
	if reply, ours := asker.answer(r); ours {
		return reply
	}
	if !asker.outside {
		// There is nobody to ask, so the name does not exist here; SERVFAIL would make clients try for seconds.
		return new(dns.Msg).SetRcode(r, dns.RcodeNameError)
	}
	_, tcp := from.(*net.TCPAddr)
	done, ok := d.cfg.Admit(addrOf(from))
	if !ok {
		return new(dns.Msg).SetRcode(r, dns.RcodeServerFailure)
	}
	defer done()
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
