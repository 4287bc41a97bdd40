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
	t.Parallel()
	testenv.Slow(t)
	testenv.Root(t)
	if os.Getenv(envHost) == "" {
		testenv.Program(t, "iptables", "iptables")
		testenv.Program(t, "ip", "iproute2")
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
	thread := make(chan int)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		tid := -1
		if unix.Unshare(unix.CLONE_NEWNET) == nil {
			tid = unix.Gettid()
		}
		thread <- tid
		for f := range n.calls {
			f()
		}
	}()
	t.Cleanup(func() { close(n.calls) })
	tid := <-thread
	require.Positive(t, tid, "no network namespace")
	require.NoError(t, ip(fmt.Sprintf("link add up0 type veth peer name down0 netns %d", tid)))
	// The loopbacks first: package net asks once whether the machine has IPv6, by them.
	require.NoError(t, setUp("lo"))
	require.NoError(t, n.do(func() error { return setUp("lo") }))
	require.NoError(t, n.do(func() error { return setUp("down0", outside4+"/24", outside6+"/64") }))
	require.NoError(t, setUp("up0", host4+"/24", host6+"/64"))
	require.NoError(t, ip("-4 route add default via "+outside4))
	require.NoError(t, ip("-6 route add default via "+outside6))
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
	for _, a := range addrs {
		add := "addr add " + a + " dev " + name
		if strings.Contains(a, ":") {
			add += " nodad"
		}
		if err := ip(add); err != nil {
			return err
		}
	}
	return ip("link set " + name + " up")
}

// ip runs iproute2's program in the network namespace of the calling thread.
func ip(args string) error {
	out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip %s: %w: %s", args, err, out)
	}
	return nil
}
