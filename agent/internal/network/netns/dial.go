//go:build linux

package netns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Dial connects from inside the namespace: to any address it can reach, its own loopback included. network is
// "tcp" or "udp"; addr is "HOST:PORT" with a literal host, and an empty one is the loopback.
func Dial(ctx context.Context, ns *NS, network, addr string) (net.Conn, error) {
	to, err := parseAddr(network, addr)
	if err != nil {
		return nil, fmt.Errorf("dial in container: %w", err)
	}
	thread, err := ns.socketThread()
	if err != nil {
		return nil, fmt.Errorf("dial in container: %w", err)
	}
	c, err := thread.Dial(ctx, network, to)
	if err != nil {
		return nil, fmt.Errorf("dial in container: %s %s: %w", network, to, err)
	}
	return c, nil
}

// parseAddr reads addr; where it leaves the host out, the loopback is meant.
func parseAddr(network, addr string) (netip.AddrPort, error) {
	if network != "tcp" && network != "udp" {
		return netip.AddrPort{}, fmt.Errorf("network %q: %w: want tcp or udp", network, ErrInvalid)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q: %w: want HOST:PORT", addr, ErrInvalid)
	}
	if host == "" || host == "localhost" {
		host = "127.0.0.1"
	}
	to, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("address %q: %w: want a literal host and a port number", addr, ErrInvalid)
	}
	return to, nil
}

// Dial makes a socket in the thread's namespace, and connects it. Only making it needs the namespace, so the thread
// is not held while the connection is under way.
func (t *Thread) Dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	kind, family := unix.SOCK_STREAM, unix.AF_INET
	if network == "udp" {
		kind = unix.SOCK_DGRAM
	}
	if to.Addr().Is6() && !to.Addr().Is4In6() {
		family = unix.AF_INET6
	}
	fd, err := t.socket(family, kind)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "container")
	defer f.Close() // FileConn has its own descriptor
	if err := connect(ctx, f, sockaddr(to)); err != nil {
		return nil, err
	}
	c, err := net.FileConn(f)
	if err != nil {
		return nil, err
	}
	if t, ok := c.(*net.TCPConn); ok {
		t.SetNoDelay(true) // as net.Dial has it
	}
	return c, nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if addr := a.Addr().Unmap(); addr.Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: addr.As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// connect connects a non-blocking socket and waits until it stands.
func connect(ctx context.Context, f *os.File, to unix.Sockaddr) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var cerr error
	if err := raw.Control(func(fd uintptr) { cerr = unix.Connect(int(fd), to) }); err != nil {
		return err
	}
	if cerr == nil || cerr != unix.EINPROGRESS && cerr != unix.EINTR {
		return os.NewSyscallError("connect", cerr)
	}
	stop := context.AfterFunc(ctx, func() { f.Close() })
	err = waitConnected(raw)
	if !stop() && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// waitConnected looks before it waits: the one event may have come before the poller was armed, and would not come
// again.
func waitConnected(raw syscall.RawConn) error {
	var cerr error
	err := raw.Write(func(fd uintptr) bool {
		if _, err := unix.Getpeername(int(fd)); err == nil {
			return true
		}
		errno, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			cerr = err
		case errno != 0:
			cerr = os.NewSyscallError("connect", unix.Errno(errno))
		default:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	return cerr
}
