//go:build linux

package gateway

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

func addrs(texts ...string) (all []netip.Addr) {
	for _, s := range texts {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}

func TestTargets(t *testing.T) {
	t.Parallel()
	app := plan.Spec{
		Name: "app", IPv4: netip.MustParsePrefix("10.0.1.0/24"), IPv6: netip.MustParsePrefix("fd01::/64"),
		Gateway4: netip.MustParseAddr("10.0.1.1"), Gateway6: netip.MustParseAddr("fd01::1"),
	}
	internal, noHost := app, app
	internal.Internal, noHost.NoHost = true, true
	lan := addrs("192.0.2.7", "192.0.2.8", "2001:db8::7")
	const host = "169.254.1.2"
	for _, c := range []struct {
		name string
		spec plan.Spec
		lan  []netip.Addr
		src  string
		dst  string
		want []string
		err  error
	}{
		{"outside", app, lan, "10.0.1.2", "9.9.9.9:53", []string{"9.9.9.9:53"}, nil},
		{"outside, IPv6", app, lan, "fd01::2", "[2001:db8:9::9]:53", []string{"[2001:db8:9::9]:53"}, nil},
		{"an address of the host", app, lan, "10.0.1.2", "192.0.2.8:80", []string{"192.0.2.8:80"}, nil},
		{"the host, closed", app, lan, "10.0.1.2", host + ":80", []string{"192.0.2.7:80", "192.0.2.8:80", "[2001:db8::7]:80"}, nil},
		{"the host, open to it", app, lan, "10.0.1.3", host + ":80",
			[]string{"127.0.0.1:80", "[::1]:80", "192.0.2.7:80", "192.0.2.8:80", "[2001:db8::7]:80"}, nil},
		{"the host, another port", app, lan, "10.0.1.3", host + ":81", []string{"192.0.2.7:81", "192.0.2.8:81", "[2001:db8::7]:81"}, nil},
		{"the host, all open", app, nil, "10.0.1.4", host + ":81", []string{"127.0.0.1:81", "[::1]:81"}, nil},
		{"a host that has nothing else", app, nil, "10.0.1.2", host + ":80", nil, errNotOpen},
		{"internal", internal, lan, "10.0.1.2", "9.9.9.9:53", nil, errRefusedHere},
		{"internal, the host, open to it", internal, lan, "10.0.1.3", host + ":80", nil, errRefusedHere},
		{"no host", noHost, lan, "10.0.1.3", host + ":80", nil, errRefusedHere},
		{"loopback", app, lan, "10.0.1.4", "127.0.0.1:80", nil, errRefusedHere},
		{"another loopback", app, lan, "10.0.1.4", "127.1.2.3:80", nil, errRefusedHere},
		{"loopback, IPv6", app, lan, "10.0.1.4", "[::1]:80", nil, errRefusedHere},
		{"loopback as IPv6", app, lan, "10.0.1.4", "[::ffff:127.0.0.1]:80", nil, errRefusedHere},
		{"the host as IPv6", app, lan, "10.0.1.2", "[::ffff:169.254.1.2]:80", []string{"192.0.2.7:80", "192.0.2.8:80", "[2001:db8::7]:80"}, nil},
		{"unspecified", app, lan, "10.0.1.4", "0.0.0.0:80", nil, errRefusedHere},
		{"unspecified, IPv6", app, lan, "10.0.1.4", "[::]:80", nil, errRefusedHere},
		{"multicast", app, lan, "10.0.1.4", "224.0.0.251:5353", nil, errRefusedHere},
		{"broadcast", app, lan, "10.0.1.4", "255.255.255.255:67", nil, errRefusedHere},
		{"link-local, IPv6", app, lan, "10.0.1.4", "[fe80::1]:80", nil, errRefusedHere},
		{"its own network", app, lan, "10.0.1.4", "10.0.1.77:80", nil, errRefusedHere},
		{"another network", app, lan, "10.0.1.4", "10.0.2.7:80", nil, errRefusedHere},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rules{
				spec: c.spec, host: func() []netip.Addr { return c.lan },
				owns: netip.MustParsePrefix("10.0.2.0/24").Contains,
				open: func(a netip.Addr) plan.HostPorts {
					return map[string]plan.HostPorts{"10.0.1.3": {Ports: []uint16{80}}, "10.0.1.4": {All: true}}[a.String()]
				},
			}
			to, err := r.targets(netip.MustParseAddr(c.src), netip.MustParseAddrPort(c.dst))
			require.ErrorIs(t, err, c.err)
			var got []string
			for _, a := range to {
				got = append(got, a.String())
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestPingRules(t *testing.T) {
	t.Parallel()
	app := plan.Spec{Name: "app", IPv4: netip.MustParsePrefix("10.0.1.0/24")}
	for _, c := range []struct {
		internal  bool
		dst, want string
	}{
		{false, "169.254.1.2", "127.0.0.1"},
		{true, "169.254.1.2", ""},
		{false, "9.9.9.9", "9.9.9.9"},
		{true, "9.9.9.9", ""},
		{false, "127.0.0.1", ""},
	} {
		r := rules{spec: app, owns: func(netip.Addr) bool { return false }}
		r.spec.Internal = c.internal
		to, err := r.ping(netip.MustParseAddr(c.dst))
		if c.want == "" {
			require.ErrorIs(t, err, errRefusedHere, "%+v", c)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.want, to.String())
	}
}

func TestOrderAddrs(t *testing.T) {
	t.Parallel()
	all := addrs("127.0.0.1", "::1", "2001:db8::7", "169.254.7.7", "fe80::1", "172.17.0.1", "192.0.2.7", "fd00::7", "192.0.2.7")
	for _, c := range []struct {
		usual, want []netip.Addr
	}{
		{nil, addrs("172.17.0.1", "192.0.2.7", "2001:db8::7", "fd00::7")},
		{addrs("192.0.2.7", "fd00::7"), addrs("192.0.2.7", "172.17.0.1", "fd00::7", "2001:db8::7")},
		{[]netip.Addr{{}, netip.MustParseAddr("fd00::7")}, addrs("172.17.0.1", "192.0.2.7", "fd00::7", "2001:db8::7")},
		{[]netip.Addr{{}, netip.MustParseAddr("192.0.2.99")}, addrs("172.17.0.1", "192.0.2.7", "2001:db8::7", "fd00::7")},
	} {
		assert.Equal(t, c.want, orderAddrs(all, c.usual...))
	}
}
