//go:build linux

package container_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// envHost says that the test process is in a network namespace of its own, which plays the host.
const envHost = "CAISSON_TEST_HOST"

const (
	outside4, host4 = "198.51.100.1", "198.51.100.2"
	outside6, host6 = "2001:db8:51::1", "2001:db8:51::2"
)

// TestNetworkOnAHostOfItsOwn has, in namespaces of its own, a host whose firewall forwards nothing, as dockerd leaves
// it, and an outside.
func TestNetworkOnAHostOfItsOwn(t *testing.T) {
	testenv.Root(t)
	if os.Getenv(envHost) == "" {
		testenv.Program(t, "iptables", "iptables")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/proc/self/exe", "-test.v", "-test.count=1", "-test.run=^TestNetworkOnAHostOfItsOwn$")
		cmd.Env = append(os.Environ(), envHost+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Contains(t, string(out), "\nPASS\n")
		return
	}
	outside := makeOutside(t)
	forwardNothing(t)
	e := newEngine(t)
	newNetwork(t, e, container.NetworkOptions{Name: "both", EnableIPv6: true})
	srv := echoServer(t, e, container.Options{Name: "srv-both", Network: "both", Ports: []container.Port{
		{Container: 7, HostIP: netip.MustParseAddr(host4)}, {Container: 7, HostIP: netip.IPv6Unspecified()}, {Container: 7, HostIP: netip.MustParseAddr(host4), Protocol: "udp"}}})
	client := start(t, e, container.Options{Network: "both", Cmd: []string{"sleep", "1h"}})
	ctx := t.Context()

	t.Run("containers to each other", func(t *testing.T) {
		require.NoError(t, pump(ctx, client, "tcp4", "srv-both:7", "8000000", "tcp6", "srv-both:7", "8000000", "udp", "srv-both:7", "1000"))
	})
	t.Run("to the outside", func(t *testing.T) {
		for _, addr := range []string{outside4, outside6} {
			at := net.JoinHostPort(addr, "7")
			require.NoError(t, pump(ctx, client, "tcp", at, "32000000", "udp", at, "1000"))
		}
	})
	t.Run("from the outside to published ports", func(t *testing.T) {
		info, err := srv.Inspect(ctx)
		require.NoError(t, err)
		require.Len(t, info.Ports, 3)
		for _, p := range info.Ports {
			addr := host4
			if p.Host.Addr().Is6() {
				addr = host6
			}
			require.NoError(t, outside.do(func() error {
				return echoes(p.Protocol, net.JoinHostPort(addr, fmt.Sprint(p.Host.Port())), 1200)
			}), "%v", p)
		}
	})
	t.Run("the outside hears from the host alone", func(t *testing.T) {
		l, err := outside.listen(outside4 + ":0")
		require.NoError(t, err)
		defer l.Close()
		from := make(chan string, 1)
		go func() {
			c, err := l.Accept()
			if err != nil {
				from <- err.Error()
				return
			}
			from <- c.RemoteAddr().(*net.TCPAddr).IP.String()
			c.Close()
		}()
		_, err = client.Dial(ctx, "tcp", l.Addr().String())
		require.NoError(t, err)
		require.Equal(t, host4, <-from)
	})
	t.Run("unreachable", func(t *testing.T) {
		require.ErrorContains(t, pump(ctx, client, "tcp", outside4+":9", "1"), "refused")
	})
}

// forwardNothing is what a Docker daemon does to its host.
func forwardNothing(t *testing.T) {
	t.Helper()
	for _, args := range []string{"iptables -P FORWARD DROP", "ip6tables -P FORWARD DROP"} {
		f := strings.Fields(args)
		out, err := exec.CommandContext(t.Context(), f[0], f[1:]...).CombinedOutput()
		require.NoError(t, err, "%s: %s", args, out)
	}
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644))
}

// namespace runs functions on a thread in a network namespace.
type namespace struct{ calls chan func() }

func (n namespace) do(f func() error) error {
	done := make(chan error)
	n.calls <- func() { done <- f() }
	return <-done
}

func (n namespace) listen(addr string) (l net.Listener, err error) {
	return l, n.do(func() error {
		l, err = net.Listen("tcp", addr)
		return err
	})
}

// makeOutside makes a further namespace, tied to this one by a veth, with an echo server.
func makeOutside(t *testing.T) namespace {
	t.Helper()
	n := namespace{make(chan func())}
	fd := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		ns := -1
		if unix.Unshare(unix.CLONE_NEWNET) == nil {
			ns, _ = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		fd <- ns
		for f := range n.calls {
			f()
		}
	}()
	t.Cleanup(func() { close(n.calls) })
	ns := <-fd
	require.Positive(t, ns, "no network namespace")
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "up0"
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "down0", PeerNamespace: netlink.NsFd(ns)}))
	require.NoError(t, unix.Close(ns))
	// The loopbacks first: package net asks once whether the machine has IPv6, by them.
	require.NoError(t, setUp("lo"))
	require.NoError(t, n.do(func() error { return setUp("lo") }))
	require.NoError(t, n.do(func() error { return setUp("down0", outside4+"/24", outside6+"/64") }))
	require.NoError(t, setUp("up0", host4+"/24", host6+"/64"))
	for _, gw := range []string{outside4, outside6} {
		require.NoError(t, netlink.RouteAdd(&netlink.Route{Gw: net.ParseIP(gw)}))
	}
	l, err := n.listen(":7")
	require.NoError(t, err)
	go echoAll(l)
	require.NoError(t, n.do(func() error {
		for _, addr := range []string{outside4, outside6} {
			pc, err := net.ListenPacket("udp", net.JoinHostPort(addr, "7"))
			if err != nil {
				return err
			}
			go echoDatagrams(pc)
		}
		return nil
	}))
	return n
}

func echoDatagrams(pc net.PacketConn) {
	for buf := make([]byte, 64<<10); ; {
		n, from, err := pc.ReadFrom(buf)
		if err != nil {
			return
		}
		_, _ = pc.WriteTo(buf[:n], from) // the other side sends again
	}
}

// setUp gives a link of the calling thread's namespace addresses.
func setUp(name string, addrs ...string) error {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer h.Close()
	l, err := h.LinkByName(name)
	if err != nil {
		return err
	}
	for _, a := range addrs {
		addr, err := netlink.ParseAddr(a)
		if err != nil {
			return err
		}
		if addr.IP.To4() == nil {
			addr.Flags = unix.IFA_F_NODAD
		}
		if err := h.AddrAdd(l, addr); err != nil {
			return fmt.Errorf("%s: %w", a, err)
		}
	}
	return h.LinkSetUp(l)
}
