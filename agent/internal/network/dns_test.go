//go:build linux

package network_test

import (
	"fmt"
	"net/netip"
	"os"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

func TestDNSNames(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "App", EnableIPv6: true})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	b := newBox(t, n, network.EndpointOptions{Name: "web", Aliases: []string{"www", "Front"}, Container: "0123456789abcdef0123"})
	b2 := newBox(t, n, network.EndpointOptions{Name: "web2", Aliases: []string{"www"}})

	for _, name := range []string{"web", "WEB", "web.app", "front", "front.App", "0123456789ab", "0123456789abcdef0123"} {
		assert.Equal(t, b.ip(), a.lookup(name), name)
	}
	r := a.query("udp", "www", dns.TypeA)
	require.Len(t, r.Answer, 2, "an alias of two")
	r = a.query("udp", "web", dns.TypeAAAA)
	require.Len(t, r.Answer, 1)
	assert.Equal(t, b.ip6(), r.Answer[0].(*dns.AAAA).AAAA.String())

	for addr, want := range map[string]string{b.ip(): "web.App.", b2.ip6(): "web2.App."} {
		rev, err := dns.ReverseAddr(addr)
		require.NoError(t, err)
		r = a.query("udp", rev, dns.TypePTR)
		require.Len(t, r.Answer, 1, addr)
		assert.Equal(t, want, r.Answer[0].(*dns.PTR).Ptr)
	}
	r = a.query("udp", "web", dns.TypeMX)
	assert.Equal(t, dns.RcodeSuccess, r.Rcode, "a known name of another kind is an empty answer")
	assert.Empty(t, r.Answer)
	assert.Equal(t, dns.RcodeNameError, a.query("udp", "nobody", dns.TypeA).Rcode)
	assert.Equal(t, dns.RcodeNameError, a.query("udp", "0123456789", dns.TypeA).Rcode, "too short for an id")

	require.NoError(t, b.ep.Rename("renamed", nil))
	assert.Equal(t, b.ip(), a.lookup("renamed"))
	assert.Equal(t, dns.RcodeNameError, a.query("udp", "web", dns.TypeA).Rcode)
}

func TestDNSForwards(t *testing.T) {
	dir := t.TempDir()
	opts := managerOptions(t, dir)
	m, err := network.Open(opts)
	require.NoError(t, err)
	defer m.Close()
	n := newNetwork(t, m, plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	assert.Equal(t, outside4, a.lookup("outside.test"))
	assert.Empty(t, a.query("udp", "outside.test", dns.TypeAAAA).Answer)
	assert.Equal(t, dns.RcodeNameError, a.query("udp", "missing.test", dns.TypeA).Rcode)
	assert.True(t, a.query("udp", "big.test", dns.TypeA).Truncated)
	assert.Len(t, a.query("tcp", "big.test", dns.TypeA).Answer, 100)

	// A resolver on the host's loopback, taken up when the file changes.
	require.NoError(t, os.WriteFile(opts.ResolvConf, []byte("nameserver "+stub+"\n"), 0o644))
	assert.Equal(t, stubAnswer, a.lookup("outside.test"))

	// A container's own resolvers come before the host's.
	own := newBox(t, n, network.EndpointOptions{Name: "own", Resolvers: []netip.AddrPort{netip.MustParseAddrPort(outside4 + ":53")}})
	assert.Equal(t, outside4, own.lookup("outside.test"))

	in := newNetwork(t, m, plan.Spec{Name: "in", Internal: true})
	b := newBox(t, in, network.EndpointOptions{Name: "b"})
	assert.Equal(t, dns.RcodeNameError, b.query("udp", "outside.test", dns.TypeA).Rcode, "an internal network asks nobody")
}

func TestDNSUnderLoad(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	const boxes, queries = 10, 200
	var all []box
	for i := range boxes {
		all = append(all, newBox(t, n, network.EndpointOptions{Name: fmt.Sprintf("c%d", i)}))
	}
	failed := make(chan error, boxes)
	for _, b := range all {
		go func() {
			for i := range queries {
				target := all[i%boxes]
				name, want := target.ep.Info().Name, target.ip()
				if i%4 == 0 {
					name, want = "outside.test", outside4
				}
				r, err := b.tryQuery("udp", name, dns.TypeA)
				if err == nil && (len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != want) {
					err = fmt.Errorf("%s: %s", name, r)
				}
				if err != nil {
					failed <- err
					return
				}
			}
			failed <- nil
		}()
	}
	for range boxes {
		require.NoError(t, <-failed)
	}
}
