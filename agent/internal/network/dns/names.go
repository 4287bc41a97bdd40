//go:build linux

package dns

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// asker is who asks, and what it may know. A container on several networks asks one name server, that of its first
// network, and means all of them, so the answer is looked for on every network of the asker.
type asker struct {
	records   []*plan.Record // its networks, the home network first
	outside   bool           // one of them has an outside
	host      bool           // one of them reaches the host
	resolvers []netip.AddrPort
}

// nameTTL is short, since containers come and go; Docker's is 600, which clients that cache stumble over.
const nameTTL = 5

func (c Config) asker(addr netip.Addr) asker {
	home, all := c.Records()
	if home == nil {
		return asker{}
	}
	a := asker{records: []*plan.Record{home}}
	var container string
	for _, e := range home.Endpoints {
		if e.IPv4.Addr() == addr || e.IPv6.Addr() == addr {
			container, a.resolvers = e.Container, e.Resolvers
		}
	}
	for _, r := range all {
		if r != home && container != "" && slices.ContainsFunc(r.Endpoints, func(e plan.EndpointRecord) bool { return e.Container == container }) {
			a.records = append(a.records, r)
		}
	}
	for _, r := range a.records {
		a.outside = a.outside || !r.Spec.Internal
		a.host = a.host || r.Spec.HostReachable()
	}
	return a
}

// answer reports whether the question is about the networks, and the answer if so.
func (a asker) answer(r *dns.Msg) (*dns.Msg, bool) {
	q := r.Question[0]
	if q.Qclass != dns.ClassINET {
		return nil, false
	}
	reply := new(dns.Msg).SetReply(r)
	reply.RecursionAvailable = true
	name := strings.ToLower(strings.TrimSuffix(q.Name, "."))
	if addr, ok := reverse(name); ok {
		return a.pointer(reply, q, addr)
	}
	addrs, known := a.lookup(name)
	if !known {
		return nil, false
	}
	for _, addr := range addrs {
		hdr := dns.RR_Header{Name: q.Name, Class: dns.ClassINET, Ttl: nameTTL}
		switch {
		case addr.Is4() && q.Qtype == dns.TypeA:
			hdr.Rrtype = dns.TypeA
			reply.Answer = append(reply.Answer, &dns.A{Hdr: hdr, A: addr.AsSlice()})
		case addr.Is6() && q.Qtype == dns.TypeAAAA:
			hdr.Rrtype = dns.TypeAAAA
			reply.Answer = append(reply.Answer, &dns.AAAA{Hdr: hdr, AAAA: addr.AsSlice()})
		}
	}
	// A known name without such an address is an empty answer: asking others, or saying that the name does not
	// exist, makes resolvers that ask for A and AAAA at once fail.
	return reply, true
}

// lookup finds the addresses of a name, with or without its network's name behind it.
func (a asker) lookup(name string) (addrs []netip.Addr, known bool) {
	if slices.Contains(plan.HostNames, name) || name == "gateway.docker.internal" {
		if a.host {
			return []netip.Addr{plan.HostAddr}, true
		}
		return nil, false
	}
	for _, r := range a.records {
		short := strings.TrimSuffix(name, "."+strings.ToLower(r.Spec.Name))
		for _, e := range r.Endpoints {
			if !e.Called(name) && !e.Called(short) {
				continue
			}
			known = true
			addrs = append(addrs, e.IPv4.Addr())
			if e.IPv6.IsValid() {
				addrs = append(addrs, e.IPv6.Addr())
			}
		}
		if known {
			return addrs, true // the nearest network's
		}
	}
	return nil, false
}

func (a asker) pointer(reply *dns.Msg, q dns.Question, addr netip.Addr) (*dns.Msg, bool) {
	ours := false
	for _, r := range a.records {
		if !r.Spec.Contains(addr) {
			continue
		}
		ours = true
		for _, e := range r.Endpoints {
			if e.Name != "" && q.Qtype == dns.TypePTR && (e.IPv4.Addr() == addr || e.IPv6.Addr() == addr) {
				hdr := dns.RR_Header{Name: q.Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: nameTTL}
				reply.Answer = append(reply.Answer, &dns.PTR{Hdr: hdr, Ptr: dns.Fqdn(e.Name + "." + r.Spec.Name)})
			}
		}
	}
	if ours && len(reply.Answer) == 0 {
		reply.Rcode = dns.RcodeNameError // nobody outside can know
	}
	return reply, ours
}

// reverse parses the name that a PTR record is asked by.
func reverse(name string) (netip.Addr, bool) {
	if p, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		f := strings.Split(p, ".")
		slices.Reverse(f)
		addr, err := netip.ParseAddr(strings.Join(f, "."))
		return addr, err == nil && addr.Is4()
	}
	p, ok := strings.CutSuffix(name, ".ip6.arpa")
	if !ok || len(p) != 63 {
		return netip.Addr{}, false
	}
	f := strings.Split(p, ".")
	slices.Reverse(f)
	var b strings.Builder
	for i, nibble := range f {
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		b.WriteString(nibble)
	}
	addr, err := netip.ParseAddr(b.String())
	return addr, err == nil
}
