//go:build linux

package dns

import (
	"net"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

func endpoint(container, name, addr string, aliases ...string) plan.EndpointRecord {
	return plan.EndpointRecord{EndpointInfo: plan.EndpointInfo{Container: container, Name: name, Aliases: aliases, IPv4: netip.MustParsePrefix(addr + "/24")}}
}

// TestReply asks as containers of two networks, of which one has no outside.
func TestReply(t *testing.T) {
	const a, b, c = "aaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbb", "cccccccccccccccc"
	app := &plan.Record{
		Spec:      plan.Spec{Name: "App", IPv4: netip.MustParsePrefix("10.0.1.0/24")},
		Endpoints: []plan.EndpointRecord{endpoint(a, "a", "10.0.1.2"), endpoint(b, "web", "10.0.1.3", "www", "Front")},
	}
	in := &plan.Record{
		Spec:      plan.Spec{Name: "in", IPv4: netip.MustParsePrefix("10.0.2.0/24"), Internal: true},
		Endpoints: []plan.EndpointRecord{endpoint(b, "web", "10.0.2.3"), endpoint(c, "db", "10.0.2.4")},
	}
	home := app
	s := New(Config{Records: func() (*plan.Record, []*plan.Record) { return home, []*plan.Record{app, in} }})
	defer s.Close()
	for _, q := range []struct {
		home  *plan.Record
		from  string
		name  string
		kind  uint16
		rcode int
		want  []string
	}{
		{app, "10.0.1.2", "web", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.3"}},
		{app, "10.0.1.2", "FRONT.app", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.3"}},
		{app, "10.0.1.2", "bbbbbbbbbbbb", dns.TypeA, dns.RcodeSuccess, []string{"10.0.1.3"}},
		{app, "10.0.1.2", "web", dns.TypeAAAA, dns.RcodeSuccess, nil},
		{app, "10.0.1.2", "host.docker.internal", dns.TypeA, dns.RcodeSuccess, []string{plan.HostAddr.String()}},
		{app, "10.0.1.2", "3.1.0.10.in-addr.arpa", dns.TypePTR, dns.RcodeSuccess, []string{"web.App."}},
		{app, "10.0.1.2", "9.1.0.10.in-addr.arpa", dns.TypePTR, dns.RcodeNameError, nil},
		{app, "10.0.1.3", "db", dns.TypeA, dns.RcodeSuccess, []string{"10.0.2.4"}},
		{in, "10.0.2.4", "web", dns.TypeA, dns.RcodeSuccess, []string{"10.0.2.3"}},
		{in, "10.0.2.4", "a", dns.TypeA, dns.RcodeNameError, nil},
		{in, "10.0.2.4", "host.docker.internal", dns.TypeA, dns.RcodeNameError, nil},
		{nil, "10.0.2.4", "web", dns.TypeA, dns.RcodeNameError, nil},
	} {
		home = q.home
		r := s.reply(net.UDPAddrFromAddrPort(netip.MustParseAddrPort(q.from+":4000")), new(dns.Msg).SetQuestion(dns.Fqdn(q.name), q.kind))
		assert.Equal(t, q.rcode, r.Rcode, "%s asks for %s", q.from, q.name)
		var got []string
		for _, rr := range r.Answer {
			switch rr := rr.(type) {
			case *dns.A:
				got = append(got, rr.A.String())
			case *dns.PTR:
				got = append(got, rr.Ptr)
			}
		}
		assert.Equal(t, q.want, got, "%s asks for %s", q.from, q.name)
	}
}

func TestReverse(t *testing.T) {
	for name, want := range map[string]string{
		"2.0.89.10.in-addr.arpa": "10.89.0.2",
		"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa": "fd00::2",
	} {
		got, ok := reverse(name)
		require.True(t, ok, name)
		assert.Equal(t, want, got.String())
	}
	for _, name := range []string{"web", "in-addr.arpa", "89.10.in-addr.arpa", "x.0.89.10.in-addr.arpa", "2.ip6.arpa"} {
		_, ok := reverse(name)
		assert.False(t, ok, name)
	}
}
