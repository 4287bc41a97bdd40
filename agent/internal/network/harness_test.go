//go:build linux

package network_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// ctxFor ends before the test binary's own timeout, so that a hang names the operation.
func ctxFor(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

func newManager(t testing.TB) *network.Manager { return openManager(t, t.TempDir()) }

func openManager(t testing.TB, dir string) *network.Manager {
	t.Helper()
	m, err := network.Open(managerOptions(t, dir))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func managerOptions(t testing.TB, dir string) network.Options {
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, os.WriteFile(conf, []byte("nameserver "+outside4+"\n"), 0o644))
	return network.Options{Dir: dir, ResolvConf: conf, Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))}
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(string(bytes.TrimSpace(b)))
	return len(b), nil
}

// newNetwork creates and joins a network.
func newNetwork(t testing.TB, m *network.Manager, spec plan.Spec) *network.Network {
	t.Helper()
	_, err := m.Create(ctxFor(t), spec)
	require.NoError(t, err)
	n, err := m.Join(ctxFor(t), spec.Name)
	require.NoError(t, err)
	return n
}

// box is a network namespace that plays a container.
type box struct {
	t  testing.TB
	ns *netns.NS
	ep *network.Endpoint
}

func newBox(t testing.TB, n *network.Network, o network.EndpointOptions) box {
	t.Helper()
	ns, err := netns.New()
	require.NoError(t, err)
	t.Cleanup(func() { ns.Close() })
	o.Netns = ns
	if o.Container == "" {
		o.Container = o.Name + "-0123456789abcdef"
	}
	ep, err := n.Attach(ctxFor(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { ep.Release(context.Background()) })
	return box{t, ns, ep}
}

func (b box) ip() string  { return b.ep.Info().IPv4.Addr().String() }
func (b box) ip6() string { return b.ep.Info().IPv6.Addr().String() }

// dial connects from inside the box.
func (b box) dial(proto, addr string) net.Conn {
	b.t.Helper()
	c, err := netns.Dial(ctxFor(b.t), b.ns, proto, addr)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { c.Close() })
	return c
}

// serve runs a TCP server inside the box.
func (b box) serve(addr string, serve func(*net.TCPConn)) {
	b.t.Helper()
	l, err := netns.Listen(ctxFor(b.t), b.ns, "tcp", addr)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { l.Close() })
	go acceptAll(l, serve)
}

func (b box) servePackets(addr string) {
	b.t.Helper()
	var c net.PacketConn
	err := b.ns.Do(func() (err error) { // binding happens on the calling thread
		c, err = net.ListenPacket("udp", addr)
		return err
	})
	require.NoError(b.t, err)
	b.t.Cleanup(func() { c.Close() })
	go echoPackets(c)
}

// query asks the box's name server, from inside the box.
func (b box) query(proto, name string, qtype uint16) *dns.Msg {
	b.t.Helper()
	r, err := b.tryQuery(proto, name, qtype)
	require.NoError(b.t, err)
	return r
}

func (b box) tryQuery(proto, name string, qtype uint16) (*dns.Msg, error) {
	c, err := netns.Dial(context.Background(), b.ns, proto, netip.AddrPortFrom(b.ep.Info().DNS, 53).String())
	if err != nil {
		return nil, err
	}
	defer c.Close()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	reply, _, err := (&dns.Client{Net: proto, Timeout: 5 * time.Second}).ExchangeWithConn(q, &dns.Conn{Conn: c})
	return reply, err
}

// lookup resolves a name to its only IPv4 address.
func (b box) lookup(name string) string {
	b.t.Helper()
	r := b.query("udp", name, dns.TypeA)
	require.Equal(b.t, dns.RcodeSuccess, r.Rcode, "%s: %s", name, r)
	require.Len(b.t, r.Answer, 1, name)
	return r.Answer[0].(*dns.A).A.String()
}

// checkEcho sends size bytes through an echo server and requires the same bytes back; the end of sending is passed
// on as a half-close.
func checkEcho(t testing.TB, c net.Conn, size int) {
	t.Helper()
	require.NoError(t, echoThrough(c, size))
}

func echoThrough(c net.Conn, size int) error {
	rng := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8)})
	sent := sha256.New()
	failed := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.MultiWriter(c, sent), rng, int64(size))
		if err == nil {
			err = c.(*net.TCPConn).CloseWrite()
		}
		failed <- err
	}()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	got := sha256.New()
	n, err := io.Copy(got, c)
	if serr := <-failed; serr != nil {
		return serr
	}
	if err != nil {
		return err
	}
	if n != int64(size) || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// checkPacketEcho sends a datagram until it comes back, since UDP may lose it.
func checkPacketEcho(t testing.TB, c net.Conn, size int) {
	t.Helper()
	want := bytes.Repeat([]byte{0xa5, byte(size)}, (size+1)/2)[:size]
	buf := make([]byte, 64<<10)
	var err error
	var n int
	for range 5 {
		_, werr := c.Write(want)
		require.NoError(t, werr)
		c.SetReadDeadline(time.Now().Add(2 * time.Second))
		if n, err = c.Read(buf); err == nil {
			require.True(t, bytes.Equal(want, buf[:n]), "got %d bytes, want %d", n, size)
			return
		}
	}
	require.NoError(t, err)
}
