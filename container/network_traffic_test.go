//go:build linux

package container_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// newNetwork creates a network that goes with the test.
func newNetwork(t testing.TB, e *container.Engine, opts container.NetworkOptions) *container.NetworkInfo {
	t.Helper()
	info, err := e.CreateNetwork(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.RemoveNetwork(context.Background(), opts.Name)) })
	return info
}

// echoServer starts a container that sends back what it gets on port 7, by TCP and UDP.
func echoServer(t testing.TB, e *container.Engine, opts container.Options) *container.Container {
	t.Helper()
	opts.Cmd = []string{"echod", ":7"}
	c := start(t, e, opts)
	waitForLog(t, c, "listening")
	return c
}

// pump sends, from inside the container, to echo servers: network, address, bytes, for each. What comes back is compared.
func pump(ctx context.Context, c *container.Container, args ...string) error {
	out, err := c.Command("/bin/testbox", append([]string{"pump"}, args...)...).CombinedOutput(ctx)
	if err == nil && string(out) != "ok\n" {
		err = errors.New("unexpected output")
	}
	if err != nil {
		return fmt.Errorf("pump %q: %w: %s", args, err, out)
	}
	return nil
}

func TestNetworkIPv6(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	nw := newNetwork(t, e, container.NetworkOptions{Name: "six", EnableIPv6: true})
	require.True(t, nw.IPv6.IsValid())
	srv := echoServer(t, e, container.Options{Name: "srv-six", Network: "six", Ports: []container.Port{
		{Container: 7, HostIP: netip.IPv6Loopback()}, {Container: 7, HostIP: netip.IPv6Loopback(), Protocol: "udp"}}})
	info, err := srv.Inspect(t.Context())
	require.NoError(t, err)
	at := info.Networks[0].IPv6.Addr()
	require.True(t, nw.IPv6.Contains(at), "%s", at)
	client := start(t, e, container.Options{Network: "six", Cmd: []string{"sleep", "1h"}})
	require.NoError(t, pump(t.Context(), client,
		"tcp6", "srv-six:7", "8000000", "udp6", "srv-six:7", "1200",
		"tcp4", "srv-six:7", "1000000", "tcp", net.JoinHostPort(at.String(), "7"), "1000000"))
	for _, proto := range []string{"tcp", "udp"} {
		addr, err := srv.Addr(t.Context(), 7, proto)
		require.NoError(t, err)
		require.Equal(t, "::1", addr.Addr().String())
		require.NoError(t, echoes(proto, addr.String(), 1000))
	}
	static := nw.IPv6.Addr().As16()
	static[15] = 0x99
	fixed := start(t, e, container.Options{Cmd: []string{"sleep", "1h"},
		Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "six", IPv6: netip.AddrFrom16(static)}}}})
	info, err = fixed.Inspect(t.Context())
	require.NoError(t, err)
	require.Equal(t, netip.AddrFrom16(static), info.Networks[0].IPv6.Addr())
}

// echoes requires n bytes back from an echo server.
func echoes(network, addr string, n int) error {
	c, err := net.DialTimeout(network, addr, 30*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	want := bytes.Repeat([]byte("echo"), n/4)
	go c.Write(want)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil {
		return fmt.Errorf("%s %s: %w", network, addr, err)
	}
	if !bytes.Equal(want, got) {
		return fmt.Errorf("%s %s: other bytes came back", network, addr)
	}
	return nil
}

// TestNetworkFiftyContainers: each finds its neighbour by name while all of them talk.
func TestNetworkFiftyContainers(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	count := 50
	if testing.Short() {
		count = 10
	}
	e := newEngine(t)
	newNetwork(t, e, container.NetworkOptions{Name: "fifty"})
	all := make([]*container.Container, count)
	each(t, count, func(i int) (err error) {
		all[i], err = e.Start(t.Context(), container.Options{Image: testImage, Name: fmt.Sprintf("fifty-%d", i), Network: "fifty",
			Cmd: []string{"echod", ":7"}, Ports: []container.Port{{Container: 7}}})
		return err
	})
	defer each(t, count, func(i int) error {
		return all[i].Remove(context.Background(), container.RemoveOptions{Force: true})
	})
	for _, c := range all {
		waitForLog(t, c, "listening")
	}
	nw, err := e.Network(t.Context(), "fifty")
	require.NoError(t, err)
	require.Len(t, nw.Containers, count)
	each(t, count, func(i int) error {
		to := fmt.Sprintf("fifty-%d:7", (i+1)%count)
		if err := pump(t.Context(), all[i], "tcp", to, "300000", "udp", to, "1000"); err != nil {
			return err
		}
		addr, err := all[i].Addr(t.Context(), 7, "tcp")
		if err != nil {
			return err
		}
		return echoes("tcp", addr.String(), 10000)
	})
}

// each calls f for 0 to n-1, all at the same time.
func each(t testing.TB, n int, f func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
}

func TestNetworkConnectWhileTrafficFlows(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	newNetwork(t, e, container.NetworkOptions{Name: "flow-a"})
	newNetwork(t, e, container.NetworkOptions{Name: "flow-b"})
	srv := echoServer(t, e, container.Options{Name: "srv-flow", Network: "flow-a", Ports: []container.Port{{Container: 7}}})
	client := start(t, e, container.Options{Network: "flow-a", Cmd: []string{"sleep", "1h"}})
	published, err := srv.Addr(ctx, 7, "tcp")
	require.NoError(t, err)

	stop, inside, outside := make(chan struct{}), make(chan error, 1), make(chan error, 1)
	traffic := func(one func() error) error {
		for {
			if err := one(); err != nil {
				return err
			}
			select {
			case <-stop:
				return nil
			default:
			}
		}
	}
	go func() {
		inside <- traffic(func() error { return pump(ctx, client, "tcp", "srv-flow:7", "4000000") })
	}()
	go func() {
		outside <- traffic(func() error { return echoes("tcp", published.String(), 400000) })
	}()
	for range 5 {
		for _, c := range []*container.Container{srv, client} {
			require.NoError(t, c.Connect(ctx, container.Endpoint{Network: "flow-b"}))
		}
		for _, c := range []*container.Container{client, srv} {
			require.NoError(t, c.Disconnect(ctx, "flow-b"))
		}
	}
	close(stop)
	require.NoError(t, <-inside, "what flows on the other network is unharmed")
	require.NoError(t, <-outside, "and what comes from the host")

	require.NoError(t, client.Disconnect(ctx, "flow-a"))
	require.Error(t, pump(ctx, client, "tcp", "srv-flow:7", "1"))
	require.NoError(t, client.Connect(ctx, container.Endpoint{Network: "flow-a"}))
	require.NoError(t, pump(ctx, client, "tcp", "srv-flow:7", "1000000"))
}

// TestNetworkOwnerKilled: the process that serves a network's gateway and names is killed, and another one that has
// containers there takes over.
func TestNetworkOwnerKilled(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	root, _ := killStore(t)
	owner := startChild(t, root, "hang")
	t.Cleanup(func() {
		_ = owner.Process.Kill() // the test did it, if it came so far
		_ = owner.Wait()
	})
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	e, err := container.NewEngine(store, container.EngineOptions{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	echoServer(t, e, container.Options{Name: "srv"})
	host, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer host.Close()
	go echoAll(host)
	port := host.Addr().(*net.TCPAddr).Port
	outside := fmt.Sprintf("host.docker.internal:%d", port)
	client := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Networking: container.NetworkingConfig{HostPorts: []uint16{uint16(port)}}})
	require.NoError(t, pump(ctx, client, "tcp", "srv:7", "1000000", "tcp", outside, "100000"))
	require.ErrorContains(t, pump(ctx, client, "tcp", "second:7", "1"), "refused", "the owner's container has a name here")

	info, err := e.Get(ctx, "srv")
	require.NoError(t, err)
	at, err := info.Inspect(ctx)
	require.NoError(t, err)
	kept, err := client.Dial(ctx, "tcp", net.JoinHostPort(at.Networks[0].IPv4.Addr().String(), "7"))
	require.NoError(t, err)
	defer kept.Close()
	require.NoError(t, again(kept, "before"))

	require.NoError(t, owner.Process.Kill())
	require.Error(t, owner.Wait())
	require.NoError(t, again(kept, "after"), "a connection between others' containers is unharmed")
	var last error
	require.Eventually(t, func() bool {
		last = pump(ctx, client, "tcp", "srv:7", "100000", "tcp", outside, "100000")
		return last == nil
	}, time.Minute, 5*time.Millisecond, "names and gateway are served again")
	assert.NoError(t, last)
	require.NoError(t, again(kept, "at the end"))
}

func echoAll(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_, _ = io.Copy(c, c) // the other side checks what comes back
			if tcp, ok := c.(*net.TCPConn); ok {
				_ = tcp.CloseWrite()
			}
		}()
	}
}

// again sends on an open connection and requires the same back.
func again(c net.Conn, text string) error {
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := io.WriteString(c, text); err != nil {
		return err
	}
	got := make([]byte, len(text))
	_, err := io.ReadFull(c, got)
	if err == nil && string(got) != text {
		err = fmt.Errorf("got %q, want %q", got, text)
	}
	return err
}
