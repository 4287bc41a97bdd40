//go:build linux

package network_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/publish"
)

// BenchmarkAttach is what a network costs a container over an empty namespace.
func BenchmarkAttach(b *testing.B) {
	n := newNetwork(b, newManager(b), plan.Spec{Name: "app"})
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		ns, err := netns.New()
		require.NoError(b, err)
		start := time.Now()
		ep, err := n.Attach(context.Background(), network.EndpointOptions{Netns: ns, Name: fmt.Sprint("c", i)})
		times = append(times, time.Since(start))
		require.NoError(b, err)
		require.NoError(b, ep.Detach(context.Background()))
		ns.Close()
	}
	reportMedian(b, times)
}

// reportMedian is for what runs beside the kernel's removal of earlier namespaces, which holds its one lock of network
// configuration for tens of milliseconds now and then.
func reportMedian(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(times[0].Microseconds())/1000, "ms-min")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkNewNetns(b *testing.B) {
	for b.Loop() {
		ns, err := netns.New()
		require.NoError(b, err)
		ns.Close()
	}
}

// BenchmarkNetwork is a network from nothing until its gateway and DNS answer.
func BenchmarkNetwork(b *testing.B) {
	m := newManager(b)
	var times []time.Duration
	for i := 0; b.Loop(); i++ {
		name := fmt.Sprint("n", i)
		start := time.Now()
		_, err := m.Create(context.Background(), plan.Spec{Name: name, Transient: true})
		require.NoError(b, err)
		n, err := m.Join(context.Background(), name)
		times = append(times, time.Since(start))
		require.NoError(b, err)
		require.NoError(b, n.Leave())
	}
	reportMedian(b, times)
}

// paths are the ways traffic takes: upload is where the client sends to, download where it receives from.
type path struct {
	name string
	dial func(port string) net.Conn
}

func paths(b *testing.B) []path {
	n := newNetwork(b, newManager(b), plan.Spec{Name: "app"})
	client := newBox(b, n, network.EndpointOptions{Name: "client", HostPorts: plan.HostPorts{All: true}})
	server := newBox(b, n, network.EndpointOptions{Name: "server"})
	services := map[string]func(*net.TCPConn){echoPort: echo, discardPort: discard, sourcePort: source}
	published := map[string]string{}
	loop := map[string]string{}
	for port, serve := range services {
		server.serve(":"+port, serve)
		var p uint16
		fmt.Sscan(port, &p)
		pub := publishPorts(b, publish.Mapping{ContainerPort: p})
		server.activate(pub)
		published[port] = pub.Bindings()[0].Host.String()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		b.Cleanup(func() { l.Close() })
		go acceptAll(l, serve)
		loop[port] = l.Addr().String()
	}
	host := func(addr string) net.Conn {
		c, err := net.Dial("tcp", addr)
		require.NoError(b, err)
		return c
	}
	return []path{
		{"loopback", func(port string) net.Conn { return host(loop[port]) }},
		{"published", func(port string) net.Conn { return host(published[port]) }},
		{"container-to-container", func(port string) net.Conn { return client.dial("tcp", net.JoinHostPort(server.ip(), port)) }},
		{"outside", func(port string) net.Conn { return client.dial("tcp", net.JoinHostPort(outside4, port)) }},
		{"host-loopback", func(port string) net.Conn {
			_, p, _ := net.SplitHostPort(loop[port])
			return client.dial("tcp", net.JoinHostPort("169.254.1.2", p))
		}},
		{"dialled-in", func(port string) net.Conn { return server.dial("tcp", ":"+port) }},
	}
}

// BenchmarkThroughput reports Gbit/s and the ratio to loopback in the same run.
func BenchmarkThroughput(b *testing.B) {
	all := paths(b)
	for _, way := range []struct {
		name string
		run  func(*testing.B, path) float64
	}{{"up", upload}, {"down", download}} {
		base := 0.0
		for _, p := range all {
			b.Run(p.name+"/"+way.name, func(b *testing.B) {
				rate := way.run(b, p)
				if p.name == "loopback" {
					base = max(base, rate)
				}
				b.ReportMetric(rate, "Gbit/s")
				if base > 0 {
					b.ReportMetric(rate/base, "of-loopback")
				}
			})
		}
	}
}

const chunk = 1 << 20

func upload(b *testing.B, p path) float64 {
	c := p.dial(discardPort)
	defer c.Close()
	buf := make([]byte, chunk)
	start := time.Now()
	total := 0
	for b.Loop() {
		_, err := c.Write(buf)
		require.NoError(b, err)
		total += chunk
	}
	require.NoError(b, c.(*net.TCPConn).CloseWrite())
	got, err := io.ReadAll(c)
	require.NoError(b, err)
	require.Equal(b, fmt.Sprint(total), string(got))
	return float64(total) * 8 / 1e9 / time.Since(start).Seconds()
}

func download(b *testing.B, p path) float64 {
	c := p.dial(sourcePort)
	defer c.Close()
	buf := make([]byte, chunk)
	start := time.Now()
	total := 0
	for b.Loop() {
		_, err := io.ReadFull(c, buf)
		require.NoError(b, err)
		total += chunk
	}
	return float64(total) * 8 / 1e9 / time.Since(start).Seconds()
}

// BenchmarkRequest is a request and its answer on an open connection.
func BenchmarkRequest(b *testing.B) {
	for _, p := range paths(b) {
		b.Run(p.name, func(b *testing.B) {
			c := p.dial(echoPort)
			defer c.Close()
			for b.Loop() {
				require.NoError(b, roundTrip(c, "GET / HTTP/1.1"))
			}
		})
	}
}

// BenchmarkConnect is a connection, a request, its answer, and the end.
func BenchmarkConnect(b *testing.B) {
	for _, p := range paths(b) {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				c := p.dial(echoPort)
				require.NoError(b, roundTrip(c, "x"))
				c.Close()
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "conn/s")
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	n := newNetwork(b, newManager(b), plan.Spec{Name: "app"})
	a := newBox(b, n, network.EndpointOptions{Name: "a"})
	for b.Loop() {
		_, err := a.tryQuery("udp", "a", 1)
		require.NoError(b, err)
	}
}
