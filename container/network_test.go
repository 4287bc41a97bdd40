//go:build linux

package container_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// ask sends a line and returns the answer.
func ask(t testing.TB, conn net.Conn, line string) string {
	t.Helper()
	defer conn.Close()
	_, err := io.WriteString(conn, line+"\n")
	require.NoError(t, err)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(answer)
}

// server starts a container that answers in capitals on port 7000.
func server(t testing.TB, e *container.Engine, opts container.Options) *container.Container {
	t.Helper()
	opts.Cmd = []string{"listen", ":7000"}
	c := start(t, e, opts)
	waitForLog(t, c, "listening")
	return c
}

func TestNetworkByName(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	server(t, e, container.Options{Name: "srv-default"})
	out, errs, st := run(t, e, container.Options{Cmd: []string{"dial", "srv-default:7000", "by name"}})
	assert.Equal(t, "BY NAME\n", out, errs)
	assert.Zero(t, st.ExitCode)
}

func TestNetworkPublishedPort(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, mode := range []container.NetworkMode{container.NetworkDefault, container.NetworkNone} {
		c := server(t, e, container.Options{Network: mode, Ports: []container.Port{{Container: 7000}}})
		addr, err := c.Addr(t.Context(), 7000, "tcp")
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1", addr.Addr().String(), "the library publishes on loopback")
		conn, err := net.Dial("tcp", addr.String())
		require.NoError(t, err)
		assert.Equal(t, "FROM OUTSIDE", ask(t, conn, "from outside"))

		other := create(t, e, container.Options{Ports: []container.Port{{Container: 7000, Host: addr.Port()}}})
		err = other.Start(t.Context())
		require.ErrorIs(t, err, container.ErrPortInUse)
		assert.ErrorContains(t, err, addr.String())
		_, err = c.Addr(t.Context(), 7001, "tcp")
		require.ErrorIs(t, err, container.ErrNotFound)
		require.NoError(t, c.Stop(t.Context(), container.StopOptions{Timeout: 1}))
		_, err = net.Dial("tcp", addr.String())
		require.Error(t, err, "the port is free again")
	}
}

func TestNetworkDialAndListen(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	for _, mode := range []container.NetworkMode{container.NetworkDefault, container.NetworkNone} {
		c := server(t, e, container.Options{Network: mode})
		conn, err := c.Dial(ctx, "tcp", ":7000")
		require.NoError(t, err)
		assert.Equal(t, "DIALLED", ask(t, conn, "dialled"))
		_, err = c.Dial(ctx, "tcp", ":7001")
		require.ErrorContains(t, err, "refused")

		l, err := c.Listen(ctx, "tcp", "127.0.0.1:8000")
		require.NoError(t, err)
		srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, "served by the test")
		})}}
		srv.Start()
		out, err := c.Command("/bin/testbox", "get", "http://127.0.0.1:8000/").Output(ctx)
		require.NoError(t, err)
		assert.Equal(t, "served by the test", string(out))
		srv.Close()
	}
}

// TestHostPorts: a service on the host's loopback alone is reached at the ports that an option names, and by nobody else;
// one on all addresses is reached by all.
func TestHostPorts(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	port := func(at string) uint16 {
		ln, err := net.Listen("tcp", at)
		require.NoError(t, err)
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "heard from ", r.RemoteAddr) })}
		go func() { _ = srv.Serve(ln) }()
		t.Cleanup(func() { require.NoError(t, srv.Close()) })
		return uint16(ln.Addr().(*net.TCPAddr).Port)
	}
	own, everywhere := port("127.0.0.1:0"), port("0.0.0.0:0")
	get := func(n container.NetworkingConfig, host string, port uint16) string {
		t.Helper()
		out, errs, _ := run(t, e, container.Options{Networking: n, Cmd: []string{"get", fmt.Sprintf("http://%s:%d/", host, port)}})
		return out + errs
	}
	for _, open := range []container.NetworkingConfig{{HostPorts: []uint16{1, own}}, {AllHostPorts: true}} {
		for _, host := range []string{"host.docker.internal", "host.containers.internal"} {
			assert.Contains(t, get(open, host, own), "heard from 127.0.0.1:")
		}
	}
	for _, closed := range []container.NetworkingConfig{{}, {HostPorts: []uint16{everywhere}}} {
		assert.Contains(t, get(closed, "host.docker.internal", own), "refused")
	}
	assert.Contains(t, get(container.NetworkingConfig{Hosts: []string{"me:host-gateway"}, HostPorts: []uint16{own}}, "me", own), "heard from")
	newNetwork(t, e, container.NetworkOptions{Name: "shut", Internal: true})
	_, err := e.Create(t.Context(), container.Options{Image: testImage, Network: "shut", Networking: container.NetworkingConfig{HostPorts: []uint16{own}}})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	require.ErrorContains(t, err, "Options.Networking.HostPorts")
	require.ErrorContains(t, err, "internal")
	if !hasAddress(t) {
		testenv.Skip(t, "an address besides the loopback's")
	}
	all := get(container.NetworkingConfig{}, "host.docker.internal", everywhere)
	assert.Contains(t, all, "heard from")
	assert.NotContains(t, all, "heard from 127.")
}

// hasAddress says whether the machine has an address besides its loopback's.
func hasAddress(t *testing.T) bool {
	addrs, err := net.InterfaceAddrs()
	require.NoError(t, err)
	return slices.ContainsFunc(addrs, func(a net.Addr) bool { return a.(*net.IPNet).IP.IsGlobalUnicast() })
}

func TestNetworksAreApart(t *testing.T) {
	e := newEngine(t)
	ctx := t.Context()
	for _, name := range []string{"apart-a", "apart-b"} {
		info, err := e.CreateNetwork(ctx, container.NetworkOptions{Name: name, Labels: map[string]string{"l": name}})
		require.NoError(t, err)
		assert.True(t, info.IPv4.IsValid())
		t.Cleanup(func() {
			// Cleanups run in the reverse order: apart-b's container still is there.
			if err := e.RemoveNetwork(context.Background(), name); err != nil && !errors.Is(err, container.ErrInUse) {
				require.ErrorIs(t, err, container.ErrNotFound)
			}
		})
	}
	_, err := e.CreateNetwork(ctx, container.NetworkOptions{Name: "apart-a"})
	require.ErrorIs(t, err, container.ErrNameInUse)
	_, err = e.CreateNetwork(ctx, container.NetworkOptions{Name: "bridge"})
	require.ErrorIs(t, err, container.ErrInvalidArgument)

	srv := server(t, e, container.Options{Name: "srv-a", Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "apart-a", Aliases: []string{"db"}}}}})
	info, err := srv.Inspect(ctx)
	require.NoError(t, err)
	require.Len(t, info.Networks, 1)
	addr := netip.AddrPortFrom(info.Networks[0].IPv4.Addr(), 7000).String()

	d := start(t, e, container.Options{Network: "apart-a", Cmd: []string{"sleep", "1h"}})
	out, err := d.Command("/bin/testbox", "dial", "db:7000", "alias").Output(ctx)
	require.NoError(t, err)
	assert.Equal(t, "ALIAS\n", string(out))
	require.NoError(t, d.Remove(ctx, container.RemoveOptions{Force: true}))
	_, _, st := run(t, e, container.Options{Network: "apart-b", Cmd: []string{"dial", addr, "x"}})
	assert.NotZero(t, st.ExitCode, "another network does not reach it")

	// A running container joins and leaves.
	c := start(t, e, container.Options{Network: "apart-b", Cmd: []string{"sleep", "1h"}})
	require.NoError(t, c.Connect(ctx, container.Endpoint{Network: "apart-a"}))
	got, err := c.Command("/bin/testbox", "dial", "srv-a:7000", "joined").Output(ctx)
	require.NoError(t, err)
	assert.Equal(t, "JOINED\n", string(got))
	require.ErrorIs(t, c.Connect(ctx, container.Endpoint{Network: "apart-a"}), container.ErrInUse)
	require.ErrorIs(t, e.RemoveNetwork(ctx, "apart-a"), container.ErrInUse)
	require.NoError(t, c.Disconnect(ctx, "apart-a"))
	require.ErrorIs(t, c.Disconnect(ctx, "apart-a"), container.ErrNotFound)
	_, err = c.Command("/bin/testbox", "dial", addr, "left").Output(ctx)
	require.Error(t, err)

	all, err := e.Networks(ctx)
	require.NoError(t, err)
	names := map[string]container.NetworkInfo{}
	for _, n := range all {
		names[n.Name] = n
	}
	assert.Contains(t, names, "bridge")
	assert.Equal(t, "srv-a", names["apart-a"].Containers[srv.ID()])
	assert.Equal(t, "apart-a", names["apart-a"].Labels["l"])
	require.NoError(t, srv.Remove(ctx, container.RemoveOptions{Force: true}))
	pruned, err := e.PruneNetworks(ctx)
	require.NoError(t, err)
	assert.Equal(t, []string{"apart-a"}, pruned)
	_, err = e.Network(ctx, "apart-a")
	require.ErrorIs(t, err, container.ErrNotFound)
}

func TestNetworkErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, tc := range []struct {
		name string
		opts container.Options
		text string
	}{
		{"both", container.Options{Network: "none", Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "x"}}}}, "Options.Networking.Endpoints"},
		{"twice", container.Options{Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "x"}, {Network: "x"}}}}, "Endpoints[1]"},
		{"MAC", container.Options{Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "bridge", MAC: "zz"}}}}, "Endpoints[0].MAC"},
		{"ports of the host", container.Options{Network: "host", Ports: []container.Port{{Container: 1}}}, "Options.Ports"},
		{"no port", container.Options{Ports: []container.Port{{Host: 1}}}, "Ports[0].Container"},
		{"protocol", container.Options{Ports: []container.Port{{Container: 1, Protocol: "sctp"}}}, "Ports[0].Protocol"},
		{"range", container.Options{Ports: []container.Port{{Container: 65535, Count: 2}}}, "Ports[0].Count"},
		{"twice on the host", container.Options{Ports: []container.Port{{Container: 1, Host: 8000}, {Container: 2, Host: 8000, HostIP: netip.IPv4Unspecified(), Protocol: "tcp"}}}, "Ports[1].Host 8000"},
		{"ranges that overlap", container.Options{Ports: []container.Port{{Container: 1, Host: 8000, Count: 10}, {Container: 2, Host: 9000}, {Container: 1, Host: 8009, Count: 3}}}, "Ports[2].Host 8009"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.opts.Image = testImage
			_, err := e.Create(t.Context(), tc.opts)
			require.ErrorIs(t, err, container.ErrInvalidArgument)
			assert.ErrorContains(t, err, tc.text)
		})
	}
	create(t, e, container.Options{Ports: []container.Port{
		{Container: 1, Host: 8000}, {Container: 1, Host: 8000, Protocol: "udp"}, {Container: 1, Host: 8000, HostIP: netip.MustParseAddr("127.0.0.2")},
		{Container: 1, Host: 8000, HostIP: netip.IPv6Loopback()}, {Container: 1, Host: 8001, Count: 2}, {Container: 1}, {Container: 1},
	}}) // none of these are the same
}

// TestNetworkFailsAtStart: a container that does not get on its network gives back what it has got.
func TestNetworkFailsAtStart(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	nw, err := e.CreateNetwork(t.Context(), container.NetworkOptions{Name: "full-net"})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.RemoveNetwork(context.Background(), nw.Name)) })
	ep := []container.Endpoint{{Network: nw.Name, IPv4: nw.IPv4.Addr().Next().Next().Next()}}
	server(t, e, container.Options{Networking: container.NetworkingConfig{Endpoints: ep}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	free := netip.MustParseAddrPort(ln.Addr().String())
	require.NoError(t, ln.Close())
	c := create(t, e, container.Options{Networking: container.NetworkingConfig{Endpoints: ep}, Ports: []container.Port{{Container: 1, Host: free.Port()}}})
	require.ErrorContains(t, c.Start(t.Context()), ep[0].IPv4.String())
	ln, err = net.Listen("tcp", free.String())
	require.NoError(t, err, "the port that was bound for it is free again")
	require.NoError(t, ln.Close())
}

func TestNetworkDetachedShares(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := server(t, e, container.Options{Name: "srv-detached", Detach: true})
	out, errs, _ := run(t, e, container.Options{Cmd: []string{"dial", "srv-detached:7000", "across agents"}})
	assert.Equal(t, "ACROSS AGENTS\n", out, errs)
	conn, err := c.Dial(t.Context(), "tcp", ":7000")
	require.NoError(t, err)
	assert.Equal(t, "DIRECT", ask(t, conn, "direct"))
}

// BenchmarkNetwork is what the default network adds to a container's life.
func BenchmarkNetwork(b *testing.B) {
	e := newEngine(b)
	for _, mode := range []container.NetworkMode{container.NetworkNone, container.NetworkDefault} {
		b.Run(string(mode), func(b *testing.B) {
			for b.Loop() {
				c, err := e.Start(b.Context(), container.Options{Image: testImage, Cmd: []string{"true"}, Network: mode})
				require.NoError(b, err)
				_, err = c.Wait(b.Context())
				require.NoError(b, err)
				require.NoError(b, c.Remove(b.Context(), container.RemoveOptions{}))
			}
		})
	}
}
