//go:build linux

package dns

import (
	"context"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// forwarder asks the host's resolvers. This process lives in the host's network namespace, so that a resolver on
// the host's loopback is as good as any.
type forwarder struct {
	host   func() []netip.AddrPort
	ctx    context.Context
	cancel context.CancelFunc
}

// forwardTimeout is how long one resolver may take; clients ask again after 5 s by themselves.
const forwardTimeout = 2 * time.Second

func newForwarder(host func() []netip.AddrPort) *forwarder {
	f := &forwarder{host: host}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	return f
}

func (f *forwarder) close() { f.cancel() }

// exchange asks one resolver after the other, and answers SERVFAIL when none answers.
func (f *forwarder) exchange(r *dns.Msg, resolvers []netip.AddrPort, tcp bool) *dns.Msg {
	if len(resolvers) == 0 {
		resolvers = f.host()
	}
	var failed *dns.Msg
	for _, server := range resolvers {
		reply := f.ask(r, server, tcp)
		if reply == nil {
			continue
		}
		reply.Id = r.Id
		reply.Compress = true
		if reply.Rcode != dns.RcodeServerFailure && reply.Rcode != dns.RcodeRefused {
			return reply
		}
		failed = reply
	}
	if failed != nil {
		return failed
	}
	return new(dns.Msg).SetRcode(r, dns.RcodeServerFailure)
}

func (f *forwarder) ask(r *dns.Msg, server netip.AddrPort, tcp bool) *dns.Msg {
	ctx, cancel := context.WithTimeout(f.ctx, forwardTimeout)
	defer cancel()
	q := r.Copy()
	q.Id = dns.Id() // the client's may be guessable
	c := dns.Client{Net: "udp", Timeout: forwardTimeout, UDPSize: dns.MaxMsgSize}
	if tcp {
		c.Net = "tcp"
	}
	reply, _, err := c.ExchangeContext(ctx, q, server.String())
	if err != nil {
		return nil
	}
	return reply
}
