//go:build linux

package network_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

func TestContainersReachEachOtherByName(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	b := newBox(t, n, network.EndpointOptions{Name: "b"})
	b.serve(":8080", echo)
	b.servePackets(":8081")

	addr := a.lookup("b")
	require.Equal(t, b.ip(), addr)
	checkEcho(t, a.dial("tcp", net.JoinHostPort(addr, "8080")), 8<<20)
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(addr, "8081")), 1200)
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(addr, "8081")), 20000) // fragments
}

func TestOutside(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	for _, addr := range []string{outside4, far4} {
		checkEcho(t, a.dial("tcp", net.JoinHostPort(addr, echoPort)), 32<<20)
	}
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(outside4, echoPort)), 1000)
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(outside4, echoPort)), 9000)
}

func TestIPv6(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "six", EnableIPv6: true})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	b := newBox(t, n, network.EndpointOptions{Name: "b"})
	b.serve("[::]:8080", echo)
	b.servePackets("[::]:8081")
	checkEcho(t, a.dial("tcp", net.JoinHostPort(b.ip6(), "8080")), 4<<20)
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(b.ip6(), "8081")), 1000)
	checkEcho(t, a.dial("tcp", net.JoinHostPort(outside6, echoPort)), 8<<20)
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(outside6, echoPort)), 1000)
	checkEcho(t, a.dial("tcp", net.JoinHostPort(outside4, echoPort)), 1<<20)
}

func TestNetworksAreIsolated(t *testing.T) {
	m := newManager(t)
	red := newNetwork(t, m, plan.Spec{Name: "red"})
	blue := newNetwork(t, m, plan.Spec{Name: "blue"})
	a := newBox(t, red, network.EndpointOptions{Name: "a"})
	b := newBox(t, blue, network.EndpointOptions{Name: "b"})
	b.serve(":8080", echo)
	_, err := netns.Dial(ctxFor(t), a.ns, "tcp", net.JoinHostPort(b.ip(), "8080"))
	require.ErrorIs(t, err, unix.ECONNREFUSED)

	c, err := netns.Dial(ctxFor(t), a.ns, "udp", net.JoinHostPort(b.ip(), "8080"))
	require.NoError(t, err)
	defer c.Close()
	_, err = c.Write([]byte("x"))
	require.NoError(t, err)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	_, err = c.Read(make([]byte, 1))
	require.Error(t, err)
	assert.False(t, errors.Is(err, context.DeadlineExceeded) || isTimeout(err), "want an ICMP error, got %v", err)
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

func TestInternalNetworkHasNoOutside(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "in", Internal: true})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	b := newBox(t, n, network.EndpointOptions{Name: "b"})
	b.serve(":80", echo)
	checkEcho(t, a.dial("tcp", net.JoinHostPort(a.lookup("b"), "80")), 1000)
	for _, addr := range []string{outside4, "169.254.1.2", host4} {
		_, err := netns.Dial(ctxFor(t), a.ns, "tcp", net.JoinHostPort(addr, echoPort))
		require.ErrorIs(t, err, unix.ENETUNREACH, addr)
	}
	// Also when the container adds the route itself.
	require.NoError(t, a.ns.Do(func() error { return defaultRoute(n.Spec().Gateway4) }))
	for _, addr := range []string{outside4, "169.254.1.2", host4} {
		_, err := netns.Dial(ctxFor(t), a.ns, "tcp", net.JoinHostPort(addr, echoPort))
		require.ErrorIs(t, err, unix.ECONNREFUSED, addr)
	}
}

func TestHostLoopback(t *testing.T) {
	m := newManager(t)
	n := newNetwork(t, m, plan.Spec{Name: "app"})
	all := newBox(t, n, network.EndpointOptions{Name: "all", HostPorts: plan.HostPorts{All: true}})
	none := newBox(t, n, network.EndpointOptions{Name: "none"})
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", at)
		require.NoError(t, err)
		defer l.Close()
		go acceptAll(l, echo)
		_, port, _ := net.SplitHostPort(l.Addr().String())
		one := newBox(t, n, network.EndpointOptions{Name: "one" + port, HostPorts: plan.HostPorts{Ports: []uint16{l.Addr().(*net.TCPAddr).AddrPort().Port()}}})
		for _, name := range []string{"host.docker.internal", "host.containers.internal"} {
			for _, b := range []box{all, one} {
				checkEcho(t, b.dial("tcp", net.JoinHostPort(b.lookup(name), port)), 1<<20)
			}
			_, err = netns.Dial(ctxFor(t), none.ns, "tcp", net.JoinHostPort(none.lookup(name), port))
			require.ErrorIs(t, err, unix.ECONNREFUSED)
		}
		// Not by its own name: the container's loopback is the container's.
		_, err = netns.Dial(ctxFor(t), all.ns, "tcp", "127.0.0.1:"+port)
		require.ErrorIs(t, err, unix.ECONNREFUSED)
	}
	noHost := newNetwork(t, m, plan.Spec{Name: "nohost", NoHost: true})
	b := newBox(t, noHost, network.EndpointOptions{Name: "b", HostPorts: plan.HostPorts{All: true}})
	_, err := netns.Dial(ctxFor(t), b.ns, "tcp", "169.254.1.2:"+echoPort)
	require.ErrorIs(t, err, unix.ECONNREFUSED)
	require.Equal(t, 3, b.query("udp", "host.docker.internal", 1).Rcode)
}

// A service on the host's loopback hears no datagram, and one on all its addresses hears from another than the loopback.
func TestHostLoopbackUDP(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	none := newBox(t, n, network.EndpointOptions{Name: "none"})
	open := newBox(t, n, network.EndpointOptions{Name: "open", HostPorts: plan.HostPorts{All: true}})
	own, err := net.ListenPacket("udp4", "127.0.0.1:0")
	require.NoError(t, err)
	defer own.Close()
	go echoPackets(own)
	to := fmt.Sprintf("169.254.1.2:%d", own.LocalAddr().(*net.UDPAddr).Port)
	checkPacketEcho(t, open.dial("udp", to), 100)
	refused := none.dial("udp", to)
	for range 5 { // the first errors may be lost, as UDP is
		refused.Write([]byte("x"))
		refused.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, err = refused.Read(make([]byte, 1)); !isTimeout(err) {
			break
		}
	}
	require.ErrorIs(t, err, unix.ECONNREFUSED)

	everywhere, err := net.ListenPacket("udp4", "0.0.0.0:0")
	require.NoError(t, err)
	defer everywhere.Close()
	c := none.dial("udp", fmt.Sprintf("169.254.1.2:%d", everywhere.LocalAddr().(*net.UDPAddr).Port))
	var from net.Addr
	for range 5 {
		_, err = c.Write([]byte("x"))
		require.NoError(t, err)
		everywhere.SetReadDeadline(time.Now().Add(2 * time.Second))
		if _, from, err = everywhere.ReadFrom(make([]byte, 1)); err == nil {
			break
		}
	}
	require.NoError(t, err)
	require.Equal(t, host4, from.(*net.UDPAddr).IP.String())
}

func TestRefusedAndUnreachable(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	b := newBox(t, n, network.EndpointOptions{Name: "b"})
	for _, c := range []struct {
		name, addr string
		want       error
	}{
		{"refused by a container", net.JoinHostPort(b.ip(), "81"), unix.ECONNREFUSED},
		{"refused outside", net.JoinHostPort(outside4, "81"), unix.ECONNREFUSED},
		{"no route", net.JoinHostPort(nowhere4, "80"), unix.EHOSTUNREACH},
		{"nothing at the gateway", net.JoinHostPort(n.Spec().Gateway4.String(), "80"), unix.ECONNREFUSED},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := netns.Dial(ctxFor(t), a.ns, "tcp", c.addr)
			require.ErrorIs(t, err, c.want)
		})
	}
	t.Run("UDP refused outside", func(t *testing.T) {
		c := a.dial("udp", net.JoinHostPort(outside4, "81"))
		var err error
		for range 5 { // the first errors may be lost, as UDP is
			c.Write([]byte("x"))
			c.SetReadDeadline(time.Now().Add(2 * time.Second))
			if _, err = c.Read(make([]byte, 1)); !isTimeout(err) {
				break
			}
		}
		require.ErrorIs(t, err, unix.ECONNREFUSED)
	})
}

func TestHalfClose(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	c := a.dial("tcp", net.JoinHostPort(outside4, discardPort)).(*net.TCPConn)
	_, err := c.Write(make([]byte, 5<<20))
	require.NoError(t, err)
	require.NoError(t, c.CloseWrite())
	got, err := io.ReadAll(c) // answered only after everything was read to its end
	require.NoError(t, err)
	require.Equal(t, "5242880", string(got))
}

func TestPing(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app", EnableIPv6: true})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	require.NoError(t, ping(a, outside4), "outside")
	require.NoError(t, ping(a, n.Spec().Gateway4.String()), "gateway")
	require.NoError(t, ping(a, outside6), "outside, IPv6")
	require.Error(t, ping(a, "198.51.100.77"), "nobody has that address")
}

// ping sends an echo request from inside the box.
func ping(b box, to string) error {
	listen, at, kind, reply := "ip4:icmp", "0.0.0.0", icmp.Type(ipv4.ICMPTypeEcho), icmp.Type(ipv4.ICMPTypeEchoReply)
	proto := 1
	addr := netip.MustParseAddr(to)
	if addr.Is6() {
		listen, at, kind, reply, proto = "ip6:ipv6-icmp", "::", ipv6.ICMPTypeEchoRequest, ipv6.ICMPTypeEchoReply, 58
	}
	var c *icmp.PacketConn
	if err := b.ns.Do(func() (err error) {
		c, err = icmp.ListenPacket(listen, at)
		return err
	}); err != nil {
		return err
	}
	defer c.Close()
	msg, err := (&icmp.Message{Type: kind, Body: &icmp.Echo{ID: 7, Seq: 1, Data: []byte("caisson")}}).Marshal(nil)
	if err != nil {
		return err
	}
	if _, err := c.WriteTo(msg, &net.IPAddr{IP: addr.AsSlice()}); err != nil {
		return err
	}
	c.SetReadDeadline(time.Now().Add(2 * time.Second))
	buf := make([]byte, 1500)
	for {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			return err
		}
		m, err := icmp.ParseMessage(proto, buf[:n])
		if err != nil {
			return err
		}
		if e, ok := m.Body.(*icmp.Echo); ok && m.Type == reply {
			if string(e.Data) != "caisson" || e.ID != 7 {
				return errors.New("wrong answer")
			}
			return nil
		}
	}
}
