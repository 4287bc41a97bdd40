//go:build linux

package network_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/publish"
)

func publishPorts(t testing.TB, mappings ...publish.Mapping) *publish.Publication {
	t.Helper()
	p, err := publish.Bind(ctxFor(t), mappings, publish.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func (b box) activate(p *publish.Publication) {
	b.t.Helper()
	require.NoError(b.t, p.Activate(b.ns, b.ep.Info().IPv4.Addr(), b.ep.Info().IPv6.Addr()))
}

func TestPublish(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	a.serve(":80", echo)
	a.servePackets(":53")
	p := publishPorts(t, publish.Mapping{ContainerPort: 80}, publish.Mapping{ContainerPort: 53, Proto: "udp"},
		publish.Mapping{ContainerPort: 80, HostIP: netip.IPv4Unspecified()},
		publish.Mapping{ContainerPort: 53, HostIP: netip.IPv4Unspecified(), Proto: "udp"},
		publish.Mapping{ContainerPort: 80, HostIP: netip.IPv6Loopback()},
		publish.Mapping{ContainerPort: 81})
	b := p.Bindings()
	require.True(t, b[0].Host.Addr().IsLoopback())

	// A connection made before the container runs waits for it.
	early, err := net.Dial("tcp", b[0].Host.String())
	require.NoError(t, err)
	defer early.Close()
	a.activate(p)
	checkEcho(t, early, 1<<20)

	for _, at := range []string{b[0].Host.String(), fmt.Sprintf("%s:%d", host4, b[2].Host.Port()), b[4].Host.String()} {
		c, err := net.Dial("tcp", at)
		require.NoError(t, err)
		checkEcho(t, c, 16<<20)
		c.Close()
	}
	for _, at := range []string{b[1].Host.String(), fmt.Sprintf("%s:%d", host4, b[3].Host.Port())} {
		c, err := net.Dial("udp", at) // connected: takes answers from that address only
		require.NoError(t, err)
		checkPacketEcho(t, c, 1400)
		checkPacketEcho(t, c, 60000)
		c.Close()
	}
	c, err := net.Dial("tcp", b[5].Host.String())
	if err == nil {
		defer c.Close()
		_, err = c.Read(make([]byte, 1))
	}
	require.Error(t, err, "nobody listens on 81")
	require.NotErrorIs(t, err, io.EOF, "and that is no orderly end")
}

func TestPublishSource(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	a.serve(":80", func(c *net.TCPConn) {
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		io.WriteString(c, host)
		c.Close()
	})
	p := publishPorts(t, publish.Mapping{ContainerPort: 80})
	a.activate(p)
	for range 3 {
		c, err := net.Dial("tcp", p.Bindings()[0].Host.String())
		require.NoError(t, err)
		got, err := io.ReadAll(c)
		require.NoError(t, err)
		require.Equal(t, a.ip(), string(got))
		c.Close()
	}
}

func TestPublishWithoutNetwork(t *testing.T) {
	ns, err := netns.New()
	require.NoError(t, err)
	defer ns.Close()
	require.NoError(t, ns.LoopbackUp())
	b := box{t: t, ns: ns}
	b.serve("127.0.0.1:80", echo)
	p := publishPorts(t, publish.Mapping{ContainerPort: 80})
	require.NoError(t, p.Activate(ns, netip.Addr{}, netip.Addr{}))
	c, err := net.Dial("tcp", p.Bindings()[0].Host.String())
	require.NoError(t, err)
	checkEcho(t, c, 1<<20)
}

func TestPublishThousandConnections(t *testing.T) {
	const count = 1000
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	a.serve(":80", echo)
	before := takeInventory(t)
	p := publishPorts(t, publish.Mapping{ContainerPort: 80})
	a.activate(p)
	conns := make([]net.Conn, count)
	var wg sync.WaitGroup
	failed := make(chan error, count)
	for i := range conns {
		wg.Add(1)
		go func() {
			defer wg.Done()
			c, err := net.Dial("tcp", p.Bindings()[0].Host.String())
			if err != nil {
				failed <- err
				return
			}
			conns[i] = c
			failed <- roundTrip(c, fmt.Sprint("hello ", i))
		}()
	}
	wg.Wait()
	for range count {
		require.NoError(t, <-failed)
	}
	// All are open at once, and all still work.
	for i, c := range conns {
		require.NoError(t, roundTrip(c, fmt.Sprint("again ", i)))
	}
	require.NoError(t, p.Close())
	for _, c := range conns {
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err, "closing the publication ends its connections")
		c.Close()
	}
	before.requireSame(t)
}

func roundTrip(c net.Conn, s string) error {
	c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(c, s); err != nil {
		return err
	}
	buf := make([]byte, len(s))
	if _, err := io.ReadFull(c, buf); err != nil {
		return err
	}
	if string(buf) != s {
		return errors.New("got " + string(buf))
	}
	return nil
}

func TestPublishUDPForgetsIdleClients(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	a.servePackets(":53")
	p, err := publish.Bind(ctxFor(t), []publish.Mapping{{ContainerPort: 53, Proto: "udp"}}, publish.Options{UDPIdle: 500 * time.Millisecond})
	require.NoError(t, err)
	defer p.Close()
	a.activate(p)
	before := takeInventory(t)
	for range 20 {
		c, err := net.Dial("udp", p.Bindings()[0].Host.String())
		require.NoError(t, err)
		checkPacketEcho(t, c, 100)
		c.Close()
	}
	before.requireSame(t)
}

func TestDialAndListenIn(t *testing.T) {
	n := newNetwork(t, newManager(t), plan.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	a.serve("127.0.0.1:9999", echo) // on the container's loopback only
	checkEcho(t, a.dial("tcp", ":9999"), 1<<20)
	checkEcho(t, a.dial("tcp", "localhost:9999"), 1000)
	_, err := net.DialTimeout("tcp", "127.0.0.1:9999", time.Second)
	require.Error(t, err, "the container's loopback is not the host's")
	for _, bad := range []string{"nope", "example.com:80", "1.2.3.4:http"} {
		_, err := netns.Dial(ctxFor(t), a.ns, "tcp", bad)
		require.ErrorIs(t, err, netns.ErrInvalid, bad)
		_, err = netns.Listen(ctxFor(t), a.ns, "tcp", "example.com:80")
		require.ErrorIs(t, err, netns.ErrInvalid)
	}
	// 192.0.2/24 is unreachable, so a neighbour that does not exist is what makes a dial wait.
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	_, err = netns.Dial(ctx, a.ns, "tcp", "198.51.100.77:80")
	require.ErrorIs(t, err, context.Canceled)
}
