//go:build linux

package netns

import (
	"context"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestParseAddr(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ network, addr, want, wrong string }{
		{"tcp", "10.0.0.1:80", "10.0.0.1:80", ""},
		{"udp", "[fd00::1]:53", "[fd00::1]:53", ""},
		{"tcp", ":80", "127.0.0.1:80", ""},
		{"tcp", "localhost:80", "127.0.0.1:80", ""},
		{"unix", "/run/x", "", `network "unix"`},
		{"tcp", "80", "", "want HOST:PORT"},
		{"tcp", "db:80", "", "a literal host"},
		{"tcp", "10.0.0.1:http", "", "a port number"},
		{"tcp", "10.0.0.1:65536", "", "a port number"},
	} {
		got, err := parseAddr(c.network, c.addr)
		if c.wrong != "" {
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, c.wrong)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, c.want, got.String())
	}
}

func TestListenAddr(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		network, addr, want string
	}{
		{"tcp", "127.0.0.1:80", "127.0.0.1:80"}, {"tcp", ":0", ":0"}, {"tcp", "[::]:80", "[::]:80"},
		{"tcp", "localhost:80", ""}, {"udp", ":80", ""}, {"tcp", "80", ""},
	} {
		got, err := listenAddr(c.network, c.addr)
		assert.Equal(t, c.want, got)
		if c.want == "" {
			require.ErrorIs(t, err, ErrInvalid, "%+v", c)
		} else {
			require.NoError(t, err)
		}
	}
}

func TestSockaddr(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]unix.Sockaddr{
		"10.0.0.1:80":          &unix.SockaddrInet4{Port: 80, Addr: [4]byte{10, 0, 0, 1}},
		"[::ffff:10.0.0.1]:80": &unix.SockaddrInet4{Port: 80, Addr: [4]byte{10, 0, 0, 1}},
		"[fd00::1]:80":         &unix.SockaddrInet6{Port: 80, Addr: [16]byte{0: 0xfd, 15: 1}},
	} {
		assert.Equal(t, want, sockaddr(netip.MustParseAddrPort(addr)), addr)
	}
}

// TestConnect is in this process's namespace: where the socket was made does not matter to it.
func TestConnect(t *testing.T) {
	t.Parallel()
	socket := func() *os.File {
		fd, err := newSocket(unix.AF_INET, unix.SOCK_STREAM)
		require.NoError(t, err)
		f := os.NewFile(uintptr(fd), "test")
		t.Cleanup(func() { f.Close() })
		return f
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	at := l.Addr().(*net.TCPAddr).AddrPort()
	f := socket()
	require.NoError(t, connect(t.Context(), f, sockaddr(at)))
	c, err := net.FileConn(f)
	require.NoError(t, err)
	defer c.Close()
	assert.Equal(t, at.String(), c.RemoteAddr().String())

	l.Close()
	require.ErrorIs(t, connect(t.Context(), socket(), sockaddr(at)), unix.ECONNREFUSED)

	// A queue that is full answers nobody.
	full, err := newSocket(unix.AF_INET, unix.SOCK_STREAM)
	require.NoError(t, err)
	defer unix.Close(full)
	require.NoError(t, unix.Bind(full, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(full, 0))
	sa, err := unix.Getsockname(full)
	require.NoError(t, err)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		err := connect(ctx, socket(), sa)
		cancel()
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			break
		}
	}
}

// TestThreadClosed: a thread that was closed makes no sockets.
func TestThreadClosed(t *testing.T) {
	t.Parallel()
	th := &Thread{jobs: make(chan func()), done: make(chan struct{}), spare: make(chan int, spareSockets)}
	th.Close()
	_, err := th.socket(unix.AF_INET, unix.SOCK_STREAM)
	require.ErrorIs(t, err, ErrClosed)
	_, err = th.socket(unix.AF_INET6, unix.SOCK_DGRAM)
	require.ErrorIs(t, err, ErrClosed)
	_, err = th.Dial(t.Context(), "tcp", netip.MustParseAddrPort("127.0.0.1:1"))
	require.ErrorIs(t, err, ErrClosed)
}

func TestOpenMissing(t *testing.T) {
	t.Parallel()
	_, err := Open("/proc/self/ns/nothing")
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "open network namespace")
}
