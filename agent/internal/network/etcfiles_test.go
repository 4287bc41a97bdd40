//go:build linux

package network_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/network"
)

func TestRenderHosts(t *testing.T) {
	v4 := network.EndpointInfo{IPv4: netip.MustParsePrefix("10.89.0.2/24")}
	both := network.EndpointInfo{IPv4: netip.MustParsePrefix("10.89.1.2/24"), IPv6: netip.MustParsePrefix("fd00::2/64")}
	const ip6 = "::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
	for _, c := range []struct {
		name string
		o    network.EtcOptions
		want string
	}{
		{"no network", network.EtcOptions{Hostname: "box"}, "127.0.0.1\tlocalhost\n"},
		{"one", network.EtcOptions{Hostname: "box", Endpoints: []network.EndpointInfo{v4}}, "127.0.0.1\tlocalhost\n10.89.0.2\tbox\n"},
		{"domain", network.EtcOptions{Hostname: "box", Domain: "example.org", Endpoints: []network.EndpointInfo{v4}},
			"127.0.0.1\tlocalhost\n10.89.0.2\tbox.example.org box\n"},
		{"two, IPv6", network.EtcOptions{Hostname: "box", Endpoints: []network.EndpointInfo{v4, both}},
			"127.0.0.1\tlocalhost\n" + ip6 + "10.89.0.2\tbox\n10.89.1.2\tbox\nfd00::2\tbox\n"},
		{"extra", network.EtcOptions{Hostname: "box", Endpoints: []network.EndpointInfo{v4},
			ExtraHosts: []network.HostsEntry{{Addr: netip.MustParseAddr("192.0.2.7"), Name: "db"}}},
			"127.0.0.1\tlocalhost\n192.0.2.7\tdb\n10.89.0.2\tbox\n"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, string(network.RenderHosts(c.o))) })
	}
	assert.Equal(t, "box\n", string(network.RenderHostname(network.EtcOptions{Hostname: "box"})))
}

func TestRenderResolvConf(t *testing.T) {
	host := network.ResolvConf{Nameservers: []netip.Addr{netip.MustParseAddr("192.0.2.53")}, Search: []string{"corp.example", "example"}, Options: []string{"edns0"}}
	ep := []network.EndpointInfo{{DNS: netip.MustParseAddr("10.89.0.1")}}
	own := []netip.Addr{netip.MustParseAddr("9.9.9.9")}
	for _, c := range []struct {
		name string
		o    network.EtcOptions
		want string
	}{
		{"on a network", network.EtcOptions{Host: host, Endpoints: ep}, "nameserver 10.89.0.1\nsearch corp.example example\noptions edns0 ndots:0\n"},
		{"own servers stand behind the network's", network.EtcOptions{Endpoints: ep, DNS: own}, "nameserver 10.89.0.1\noptions ndots:0\n"},
		{"own options", network.EtcOptions{Host: host, Endpoints: ep, DNSOptions: []string{"ndots:3"}}, "nameserver 10.89.0.1\nsearch corp.example example\noptions ndots:3\n"},
		{"own search", network.EtcOptions{Host: host, Endpoints: ep, DNSSearch: []string{"a.b"}}, "nameserver 10.89.0.1\nsearch a.b\noptions edns0 ndots:0\n"},
		{"no search", network.EtcOptions{Host: host, Endpoints: ep, DNSSearch: []string{"."}}, "nameserver 10.89.0.1\noptions edns0 ndots:0\n"},
		{"the host's network", network.EtcOptions{Host: host}, "nameserver 192.0.2.53\nsearch corp.example example\noptions edns0\n"},
		{"the host's network, own server", network.EtcOptions{Host: host, DNS: own}, "nameserver 9.9.9.9\nsearch corp.example example\noptions edns0\n"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, string(network.RenderResolvConf(c.o))) })
	}
}

func TestParseResolvConf(t *testing.T) {
	got := network.ParseResolvConf([]byte("# comment\nnameserver 192.0.2.1 # trailing\nnameserver fe80::1%eth0\nnameserver nonsense\n" +
		"domain old.example\nsearch a.example b.example\noptions ndots:2 timeout:1\noptions rotate\nsortlist 1.2.3.4\n;nameserver 192.0.2.9"))
	assert.Equal(t, network.ResolvConf{
		Nameservers: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("fe80::1%eth0")},
		Search:      []string{"a.example", "b.example"},
		Options:     []string{"ndots:2", "timeout:1", "rotate"},
	}, got)
}
