package etcfiles_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/etcfiles"
)

var addr = netip.MustParseAddr

const ip6 = "::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

func TestHosts(t *testing.T) {
	v4 := etcfiles.Endpoint{IPv4: addr("10.89.0.2"), Host: addr("10.89.0.1")}
	both := etcfiles.Endpoint{IPv4: addr("10.89.1.2"), IPv6: addr("fd00::2")}
	db, host := etcfiles.Host{Name: "db", Addr: addr("192.0.2.7")}, etcfiles.Host{Name: "outside"}
	for _, c := range []struct {
		name string
		o    etcfiles.Options
		want string
	}{
		{"no network", etcfiles.Options{Hostname: "box"}, "127.0.0.1\tlocalhost\n" + ip6 + "127.0.0.1\tbox\n"},
		{"no network, extra", etcfiles.Options{Hostname: "box", Hosts: []etcfiles.Host{db, host}}, "127.0.0.1\tlocalhost\n" + ip6 + "127.0.0.1\tbox\n192.0.2.7\tdb\n"},
		{"one", etcfiles.Options{Hostname: "box", Endpoints: []etcfiles.Endpoint{v4}}, "127.0.0.1\tlocalhost\n" + ip6 + "10.89.0.2\tbox\n"},
		{"domain", etcfiles.Options{Hostname: "box", Domain: "example.org", Endpoints: []etcfiles.Endpoint{v4}},
			"127.0.0.1\tlocalhost\n" + ip6 + "10.89.0.2\tbox.example.org box\n"},
		{"two, IPv6", etcfiles.Options{Hostname: "box", Endpoints: []etcfiles.Endpoint{v4, both}},
			"127.0.0.1\tlocalhost\n" + ip6 + "10.89.0.2\tbox\n10.89.1.2\tbox\nfd00::2\tbox\n"},
		{"extra", etcfiles.Options{Hostname: "box", Endpoints: []etcfiles.Endpoint{v4}, Hosts: []etcfiles.Host{db}},
			"127.0.0.1\tlocalhost\n" + ip6 + "192.0.2.7\tdb\n10.89.0.2\tbox\n"},
		{"the host's address", etcfiles.Options{Hostname: "box", Endpoints: []etcfiles.Endpoint{v4, both}, Hosts: []etcfiles.Host{host}},
			"127.0.0.1\tlocalhost\n" + ip6 + "10.89.0.1\toutside\n10.89.0.2\tbox\n10.89.1.2\tbox\nfd00::2\tbox\n"},
		{"the host's network", etcfiles.Options{Hostname: "box", Base: etcfiles.Files{Hosts: []byte("127.0.0.1\tmachine\n")}, Hosts: []etcfiles.Host{db}},
			"127.0.0.1\tmachine\n192.0.2.7\tdb\n"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, string(etcfiles.Render(c.o).Hosts)) })
	}
	assert.Equal(t, "box\n", string(etcfiles.Render(etcfiles.Options{Hostname: "box"}).Hostname))
}

func TestResolvConf(t *testing.T) {
	host := etcfiles.ResolvConf{Nameservers: []netip.Addr{addr("192.0.2.53")}, Search: []string{"corp.example", "example"}, Options: []string{"edns0"}}
	ep, no := []etcfiles.Endpoint{{DNS: addr("10.89.0.1")}}, []etcfiles.Endpoint{{}}
	own := []netip.Addr{addr("9.9.9.9")}
	base := etcfiles.Files{ResolvConf: []byte("# the host's\nnameserver 192.0.2.53\nsearch corp.example\ndomain corp.example\noptions edns0\n")}
	for _, c := range []struct {
		name string
		o    etcfiles.Options
		want string
	}{
		{"on a network", etcfiles.Options{Host: host, Endpoints: ep}, "nameserver 10.89.0.1\nsearch corp.example example\noptions edns0 ndots:0\n"},
		{"own servers stand behind the network's", etcfiles.Options{Endpoints: ep, Servers: own}, "nameserver 10.89.0.1\noptions ndots:0\n"},
		{"own options", etcfiles.Options{Host: host, Endpoints: ep, ResolvOptions: []string{"ndots:3"}}, "nameserver 10.89.0.1\nsearch corp.example example\noptions ndots:3\n"},
		{"own search", etcfiles.Options{Host: host, Endpoints: ep, Search: []string{"a.b"}}, "nameserver 10.89.0.1\nsearch a.b\noptions edns0 ndots:0\n"},
		{"no search", etcfiles.Options{Host: host, Endpoints: ep, Search: []string{"."}}, "nameserver 10.89.0.1\noptions edns0 ndots:0\n"},
		{"a network without a name server", etcfiles.Options{Host: host, Endpoints: no}, "nameserver 192.0.2.53\nsearch corp.example example\noptions edns0\n"},
		{"a network without a name server, own server", etcfiles.Options{Host: host, Endpoints: no, Servers: own}, "nameserver 9.9.9.9\nsearch corp.example example\noptions edns0\n"},
		{"no network", etcfiles.Options{}, "# this container has no network\n"},
		{"no network, own server", etcfiles.Options{Servers: own}, "# this container has no network\nnameserver 9.9.9.9\n"},
		{"the host's network", etcfiles.Options{Base: base}, string(base.ResolvConf)},
		{"the host's network, own server", etcfiles.Options{Base: base, Servers: own}, "# the host's\nsearch corp.example\ndomain corp.example\noptions edns0\nnameserver 9.9.9.9\n"},
		{"the host's network, own search", etcfiles.Options{Base: base, Search: []string{"a", "b"}}, "# the host's\nnameserver 192.0.2.53\noptions edns0\nsearch a b\n"},
		{"the host's network, own options", etcfiles.Options{Base: base, ResolvOptions: []string{"ndots:2"}}, "# the host's\nnameserver 192.0.2.53\nsearch corp.example\ndomain corp.example\noptions ndots:2\n"},
	} {
		t.Run(c.name, func(t *testing.T) { assert.Equal(t, c.want, string(etcfiles.Render(c.o).ResolvConf)) })
	}
}

func TestParseResolvConf(t *testing.T) {
	got := etcfiles.ParseResolvConf([]byte("# comment\nnameserver 192.0.2.1 # trailing\nnameserver fe80::1%eth0\nnameserver nonsense\n" +
		"domain old.example\nsearch a.example b.example\noptions ndots:2 timeout:1\noptions rotate\nsortlist 1.2.3.4\n;nameserver 192.0.2.9"))
	assert.Equal(t, etcfiles.ResolvConf{
		Nameservers: []netip.Addr{addr("192.0.2.1"), addr("fe80::1%eth0")},
		Search:      []string{"a.example", "b.example"},
		Options:     []string{"ndots:2", "timeout:1", "rotate"},
	}, got)
}

func TestParseHost(t *testing.T) {
	for _, c := range []struct {
		text string
		want etcfiles.Host
		err  string
	}{
		{"db:192.0.2.7", etcfiles.Host{Name: "db", Addr: addr("192.0.2.7")}, ""},
		{"db:fd00::1", etcfiles.Host{Name: "db", Addr: addr("fd00::1")}, ""},
		{"out:host-gateway", etcfiles.Host{Name: "out"}, ""},
		{"db", etcfiles.Host{}, "NAME:ADDRESS"},
		{":192.0.2.7", etcfiles.Host{}, "NAME:ADDRESS"},
		{"a\nb:192.0.2.7", etcfiles.Host{}, "NAME:ADDRESS"},
		{"db:there", etcfiles.Host{}, `"there" is not an address`},
		{"db:[fd00::1]", etcfiles.Host{}, "is not an address"},
	} {
		got, err := etcfiles.ParseHost(c.text)
		assert.Equal(t, c.want, got, c.text)
		if c.err == "" {
			assert.NoError(t, err, c.text)
		} else {
			assert.ErrorContains(t, err, c.err)
		}
	}
}

func TestWriteAndRead(t *testing.T) {
	dir := t.TempDir()
	hosts := filepath.Join(dir, "hosts")
	require.NoError(t, os.WriteFile(hosts, []byte("a much longer file than the next"), 0o600))
	before, err := os.Stat(hosts)
	require.NoError(t, err)
	want := etcfiles.Files{Hosts: []byte("127.0.0.1\tx\n"), ResolvConf: []byte("#\n")}
	require.NoError(t, want.Write(dir))
	got, err := etcfiles.Read(dir)
	require.NoError(t, err)
	assert.Equal(t, want, got, "a file that is nil is neither written nor read")
	after, err := os.Stat(hosts)
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "in place: it may be mounted")
	assert.Equal(t, os.FileMode(0o644), after.Mode())
	conf, err := etcfiles.ReadResolvConf(filepath.Join(dir, "none"))
	require.NoError(t, err)
	assert.Zero(t, conf)
}
