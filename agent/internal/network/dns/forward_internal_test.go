//go:build linux

package dns

import (
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// resolver answers every question with a code, on the loopback.
func resolver(t *testing.T, rcode int) (netip.AddrPort, *atomic.Int32) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	asked := new(atomic.Int32)
	srv := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		asked.Add(1)
		assert.NoError(t, w.WriteMsg(new(dns.Msg).SetRcode(r, rcode)))
	})}
	go func() { _ = srv.ActivateAndServe() }()
	t.Cleanup(func() { pc.Close() })
	return pc.LocalAddr().(*net.UDPAddr).AddrPort(), asked
}

// TestForward: the resolvers are asked in order, until one knows.
func TestForward(t *testing.T) {
	t.Parallel()
	good, asked := resolver(t, dns.RcodeNameError)
	failing, _ := resolver(t, dns.RcodeServerFailure)
	refusing, _ := resolver(t, dns.RcodeRefused)
	gone, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	nobody := gone.LocalAddr().(*net.UDPAddr).AddrPort()
	gone.Close()
	for _, c := range []struct {
		name        string
		of, host    []netip.AddrPort
		want, asked int
	}{
		{"the container's", []netip.AddrPort{good}, []netip.AddrPort{failing}, dns.RcodeNameError, 1},
		{"the host's", nil, []netip.AddrPort{good, failing}, dns.RcodeNameError, 1},
		{"the second", nil, []netip.AddrPort{failing, good}, dns.RcodeNameError, 1},
		{"one that is not there", nil, []netip.AddrPort{nobody, refusing, good}, dns.RcodeNameError, 1},
		{"none knows", nil, []netip.AddrPort{failing, refusing}, dns.RcodeRefused, 0},
		{"none is there", nil, []netip.AddrPort{nobody}, dns.RcodeServerFailure, 0},
		{"none at all", nil, nil, dns.RcodeServerFailure, 0},
	} {
		f := newForwarder(func() []netip.AddrPort { return c.host })
		q := new(dns.Msg).SetQuestion("x.test.", dns.TypeA)
		before := asked.Load()
		reply := f.exchange(q, c.of, false)
		assert.Equal(t, c.want, reply.Rcode, c.name)
		assert.Equal(t, q.Id, reply.Id, c.name)
		assert.Equal(t, int32(c.asked), asked.Load()-before, c.name)
		f.close()
	}
}

// TestAdmission: a question beyond the share fails at once, and asks nobody; what the networks know is answered still.
func TestAdmission(t *testing.T) {
	t.Parallel()
	at, asked := resolver(t, dns.RcodeSuccess)
	record := &plan.Record{Spec: plan.Spec{Name: "app"}, Endpoints: []plan.EndpointRecord{{EndpointInfo: plan.EndpointInfo{Name: "db", IPv4: netip.MustParsePrefix("10.0.0.2/24")}}}}
	admitted, done := true, 0
	d := New(Config{
		Records:   func() (*plan.Record, []*plan.Record) { return record, []*plan.Record{record} },
		Resolvers: func() []netip.AddrPort { return []netip.AddrPort{at} },
		Admit: func(a netip.Addr) (func(), bool) {
			assert.Equal(t, "10.0.0.9", a.String())
			return func() { done++ }, admitted
		},
	})
	from := &net.UDPAddr{IP: net.IPv4(10, 0, 0, 9)}
	ask := func(name string) *dns.Msg { return d.reply(from, new(dns.Msg).SetQuestion(name, dns.TypeA)) }
	assert.Equal(t, dns.RcodeSuccess, ask("outside.test.").Rcode)
	assert.Equal(t, 1, done)
	admitted = false
	assert.Equal(t, dns.RcodeServerFailure, ask("outside.test.").Rcode)
	assert.Len(t, ask("db.").Answer, 1)
	assert.Equal(t, 1, done)
	assert.Equal(t, int32(1), asked.Load())
}

func TestSharedListener(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var n, done atomic.Int32
	shared := &sharedListener{l, func(netip.Addr) (func(), bool) { return func() { done.Add(1) }, n.Add(1) != 1 }}
	first, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer first.Close()
	second, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer second.Close()
	c, err := shared.Accept()
	require.NoError(t, err)
	assert.Equal(t, second.LocalAddr().String(), c.RemoteAddr().String(), "the first was not admitted")
	require.NoError(t, first.SetReadDeadline(time.Now().Add(30*time.Second)))
	_, err = first.Read(make([]byte, 1))
	require.Error(t, err)
	var ne net.Error
	assert.False(t, errors.As(err, &ne) && ne.Timeout(), "it was closed")
	require.NoError(t, c.Close())
	_ = c.Close()
	assert.Equal(t, int32(1), done.Load())
	require.NoError(t, l.Close())
	_, err = shared.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}
