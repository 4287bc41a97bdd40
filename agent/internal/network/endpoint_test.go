//go:build linux

package network_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

func TestStaticAddresses(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{
		Name: "app", IPv4: netip.MustParsePrefix("10.200.7.0/24"), IPv6: netip.MustParsePrefix("fd77::/64"),
		Gateway4: netip.MustParseAddr("10.200.7.254"), MTU: 1400,
	})
	mac, _ := net.ParseMAC("02:11:22:33:44:55")
	a := newBox(t, n, network.EndpointOptions{
		Name: "a", IPv4: netip.MustParseAddr("10.200.7.9"), IPv6: netip.MustParseAddr("fd77::9"), MAC: mac, Interface: "lan",
	})
	require.NoError(t, a.ns.Do(func() error {
		i, err := net.InterfaceByName("lan")
		if err != nil {
			return err
		}
		assert.Equal(t, mac, i.HardwareAddr)
		assert.Equal(t, 1400, i.MTU)
		addrs, err := i.Addrs()
		assert.Contains(t, fmt.Sprint(addrs), "10.200.7.9/24")
		assert.Contains(t, fmt.Sprint(addrs), "fd77::9/64")
		return err
	}))
	checkEcho(t, a.dial("tcp", net.JoinHostPort(outside4, echoPort)), 1<<20)

	ns, err := netns.New()
	require.NoError(t, err)
	defer ns.Close()
	for _, c := range []struct {
		name string
		o    network.EndpointOptions
		want error
	}{
		{"taken", network.EndpointOptions{IPv4: netip.MustParseAddr("10.200.7.9")}, plan.ErrAddressInUse},
		{"the gateway's", network.EndpointOptions{IPv4: netip.MustParseAddr("10.200.7.254")}, plan.ErrAddressInUse},
		{"of another subnet", network.EndpointOptions{IPv4: netip.MustParseAddr("10.200.8.9")}, plan.ErrInvalid},
		{"broadcast", network.EndpointOptions{IPv4: netip.MustParseAddr("10.200.7.255")}, plan.ErrInvalid},
		{"multicast MAC", network.EndpointOptions{MAC: net.HardwareAddr{1, 0, 0, 0, 0, 0}}, plan.ErrInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Netns = ns
			_, err := n.Attach(ctxFor(t), c.o)
			require.ErrorIs(t, err, c.want)
		})
	}
}

func TestSubnets(t *testing.T) {
	m := newManager(t)
	ctx := ctxFor(t)
	_, err := m.Create(ctx, plan.Spec{Name: "x", IPv4: netip.MustParsePrefix(host4 + "/28")})
	require.ErrorIs(t, err, plan.ErrSubnetOverlap, "the host's own")
	_, err = m.Create(ctx, plan.Spec{Name: "x", IPv6: netip.MustParsePrefix("2001:db8:51::/80")})
	require.ErrorIs(t, err, plan.ErrSubnetOverlap, "the host's own")
	one, err := m.Create(ctx, plan.Spec{Name: "one"})
	require.NoError(t, err)
	two, err := m.Create(ctx, plan.Spec{Name: "two", EnableIPv6: true})
	require.NoError(t, err)
	assert.False(t, one.IPv4.Overlaps(two.IPv4))
	assert.True(t, two.IPv6.IsValid())
	_, err = m.Create(ctx, plan.Spec{Name: "x", IPv4: one.IPv4})
	require.ErrorIs(t, err, plan.ErrSubnetOverlap, "another network's")
	_, err = m.Create(ctx, plan.Spec{Name: "one"})
	require.ErrorIs(t, err, network.ErrExists)
	for _, bad := range []plan.Spec{{Name: "../x"}, {}, {Name: "x", MTU: 9}, {Name: "x", IPv4: netip.MustParsePrefix("10.0.0.0/31")},
		{Name: "x", IPv4: netip.MustParsePrefix("10.77.0.0/24"), Gateway4: netip.MustParseAddr("10.78.0.1")}} {
		_, err = m.Create(ctx, bad)
		require.ErrorIs(t, err, plan.ErrInvalid, "%+v", bad)
	}
	list, err := m.List()
	require.NoError(t, err)
	require.Len(t, list, 2)
	assert.Equal(t, []string{"one", "two"}, []string{list[0].Name, list[1].Name})
}

func TestRemove(t *testing.T) {
	m := newManager(t)
	n := newNetwork(t, m, plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	require.ErrorIs(t, m.Remove(ctxFor(t), "app"), network.ErrInUse)
	require.NoError(t, a.ep.Detach(ctxFor(t)))
	require.NoError(t, m.Remove(ctxFor(t), "app"))
	require.ErrorIs(t, m.Remove(ctxFor(t), "app"), network.ErrNotFound)
	_, err := m.Join(ctxFor(t), "app")
	require.ErrorIs(t, err, network.ErrNotFound)
	ns, err := netns.New()
	require.NoError(t, err)
	defer ns.Close()
	_, err = n.Attach(ctxFor(t), network.EndpointOptions{Netns: ns, Name: "late"})
	require.Error(t, err)
}

func TestTransientNetworkEndsWithItsLastHolder(t *testing.T) {
	m := newManager(t)
	n := newNetwork(t, m, plan.Spec{Name: "gone", Transient: true})
	require.NoError(t, n.Leave())
	list, err := m.List()
	require.NoError(t, err)
	require.Empty(t, list)

	newNetwork(t, m, plan.Spec{Name: "gone", Transient: true})
	require.NoError(t, m.Remove(ctxFor(t), "gone"), "also while this process holds it")
	list, err = m.List()
	require.NoError(t, err)
	require.Empty(t, list)
}

func TestSeveralNetworks(t *testing.T) {
	m := newManager(t)
	red := newNetwork(t, m, plan.Spec{Name: "red"})
	blue := newNetwork(t, m, plan.Spec{Name: "blue"})
	a := newBox(t, red, network.EndpointOptions{Name: "a", Container: "aaaaaaaaaaaaaaaa"})
	b := newBox(t, blue, network.EndpointOptions{Name: "b"})
	b.serve(":80", echo)
	second, err := blue.Attach(ctxFor(t), network.EndpointOptions{Netns: a.ns, Container: "aaaaaaaaaaaaaaaa", Name: "a"})
	require.NoError(t, err)
	require.Equal(t, "eth1", second.Info().Interface)
	// One name server, that of the first network, knows the names of both.
	checkEcho(t, a.dial("tcp", net.JoinHostPort(a.lookup("b"), "80")), 1<<20)
	checkEcho(t, a.dial("tcp", net.JoinHostPort(outside4, echoPort)), 1<<20)
	// Without the first network the second leads outside.
	require.NoError(t, a.ep.Detach(ctxFor(t)))
	checkEcho(t, a.dial("tcp", net.JoinHostPort(outside4, echoPort)), 1<<20)
}

func TestDetachAndAttachWhileTrafficFlows(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	b := newBox(t, n, network.EndpointOptions{Name: "b"})
	bystander := newBox(t, n, network.EndpointOptions{Name: "c"})
	b.serve(":80", source)
	bystander.serve(":80", echo)
	inside := a.dial("tcp", net.JoinHostPort(b.ip(), "80"))
	outer := a.dial("tcp", net.JoinHostPort(outside4, sourcePort))
	readSome(t, inside)
	readSome(t, outer)

	unharmed := make(chan error, 1)
	other := b.dial("tcp", net.JoinHostPort(bystander.ip(), "80"))
	go func() { unharmed <- echoThrough(other, 64<<20) }()
	require.NoError(t, a.ep.Detach(ctxFor(t)))
	require.NoError(t, a.ns.Do(func() error {
		_, err := netlink.LinkByName("eth0")
		assert.Error(t, err, "the interface is gone")
		return nil
	}))
	require.Equal(t, 3, b.query("udp", "a", 1).Rcode, "and so is the name")
	require.NoError(t, <-unharmed)

	again, err := n.Attach(ctxFor(t), network.EndpointOptions{Netns: a.ns, Name: "a2"})
	require.NoError(t, err)
	defer again.Release(context.Background())
	require.NotEqual(t, a.ip(), again.Info().IPv4.Addr().String(), "addresses are not given out again at once")
	readSome(t, a.dial("tcp", net.JoinHostPort(b.ip(), "80")))
	checkEcho(t, a.dial("tcp", net.JoinHostPort(outside4, echoPort)), 1<<20)
}

func readSome(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := c.Read(make([]byte, 64<<10))
	require.NoError(t, err)
}

func TestFiftyEndpoints(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	const count = 50
	boxes := make([]box, count)
	var wg sync.WaitGroup
	for i := range boxes {
		wg.Add(1)
		go func() {
			defer wg.Done()
			boxes[i] = newBox(t, n, network.EndpointOptions{Name: fmt.Sprintf("c%d", i)})
		}()
	}
	wg.Wait()
	for _, b := range boxes {
		b.serve(":80", echo)
	}
	failed := make(chan error, count)
	for i, b := range boxes {
		go func() { failed <- reachNeighbour(b, fmt.Sprintf("c%d", (i+1)%count)) }()
	}
	for range count {
		require.NoError(t, <-failed)
	}
}

// reachNeighbour resolves a name, talks to its container, and to the outside.
func reachNeighbour(b box, name string) error {
	r, err := b.tryQuery("udp", name, 1)
	if err != nil {
		return fmt.Errorf("look up %s: %w", name, err)
	}
	if len(r.Answer) != 1 {
		return fmt.Errorf("look up %s: %v", name, r)
	}
	addr := r.Answer[0].(*dns.A).A
	for _, to := range []string{net.JoinHostPort(addr.String(), "80"), net.JoinHostPort(outside4, echoPort)} {
		c, err := netns.Dial(context.Background(), b.ns, "tcp", to)
		if err != nil {
			return err
		}
		err = echoThrough(c, 256<<10)
		c.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", to, err)
		}
	}
	return nil
}

// TestAddressRange: free addresses come from the network's range, and one that is asked for from all of the subnet.
func TestAddressRange(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{
		Name: "a", IPv4: netip.MustParsePrefix("10.77.0.0/24"), Range4: netip.MustParsePrefix("10.77.0.128/30"),
	})
	for _, want := range []string{"10.77.0.128", "10.77.0.129"} {
		require.Equal(t, want, newBox(t, n, network.EndpointOptions{Name: want}).ip())
	}
	b := newBox(t, n, network.EndpointOptions{Name: "b", IPv4: netip.MustParseAddr("10.77.0.7")})
	require.Equal(t, "10.77.0.7", b.ip())
	checkEcho(t, b.dial("tcp", net.JoinHostPort(outside4, echoPort)), 1000)
}
