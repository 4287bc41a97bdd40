package dockertest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/caisson-dev/caisson/dockertest/internal/forward"
)

// Addr returns the address at which this machine reaches a port of the container. The protocol is tcp or udp; empty is
// tcp. A TCP port that Port did not publish is forwarded by this process from now on, on a free port of 127.0.0.1, until
// the container is gone. The Addr of the embedded container.Container knows published ports only.
//
// Errors: those of net.Listen; for UDP those of container.Container.Addr.
func (f *Fixture) Addr(ctx context.Context, port uint16, protocol string) (netip.AddrPort, error) {
	if protocol == "" {
		protocol = "tcp"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if fw := f.forwards[port]; fw != nil && protocol == "tcp" {
		return fw.Addr(), nil // which was there first
	}
	for _, b := range f.info.Ports {
		if b.Container == port && b.Protocol == protocol {
			return b.Host, nil
		}
	}
	if protocol != "tcp" {
		return f.Container.Addr(ctx, port, protocol)
	}
	fw, err := f.forward(port)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("publish port %d: %w", port, err)
	}
	return fw.Addr(), nil
}

// HostPort is the port of Addr alone, of TCP.
//
// Errors: those of Addr.
func (f *Fixture) HostPort(ctx context.Context, port uint16) (uint16, error) {
	addr, err := f.Addr(ctx, port, "")
	return addr.Port(), err
}

// URL is Addr of a TCP port with a scheme: "http://127.0.0.1:49153".
//
// Errors: those of Addr.
func (f *Fixture) URL(ctx context.Context, scheme string, port uint16) (string, error) {
	addr, err := f.Addr(ctx, port, "")
	if err != nil {
		return "", err
	}
	return scheme + "://" + addr.String(), nil
}

// dialPort connects to a port as others do: at the container's address, where a server that listens on its loopback
// alone is not heard.
func (f *Fixture) dialPort(ctx context.Context, port uint16) (net.Conn, error) {
	host := ""
	if ip := f.IP(); ip.IsValid() {
		host = ip.String()
	}
	return f.Dial(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// forward makes the port's forward; f.mu is held.
func (f *Fixture) forward(port uint16) (*forward.Port, error) {
	fw, err := forward.Listen(f.dialer(port))
	if err != nil {
		return nil, err
	}
	f.keep(port, fw)
	return fw, nil
}

func (f *Fixture) dialer(port uint16) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (net.Conn, error) { return f.dialPort(ctx, port) }
}

// keep keeps a forward until the container is gone; f.mu is held.
func (f *Fixture) keep(port uint16, fw *forward.Port) {
	if f.forwards == nil {
		f.forwards = map[uint16]*forward.Port{}
	}
	f.forwards[port] = fw
}

func (f *Fixture) closeForwards() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, fw := range f.forwards {
		fw.Close()
	}
}
