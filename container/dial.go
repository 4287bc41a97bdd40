package container

import (
	"context"
	"net"
	"net/netip"

	"github.com/caisson-dev/caisson/internal/api"
)

// Addr returns the host's address of a published port, as 127.0.0.1:49153.
//
// Errors: ErrNotRunning; ErrNotFound when the port is not published.
func (c *Container) Addr(ctx context.Context, port uint16, protocol string) (netip.AddrPort, error) {
	if protocol == "" {
		protocol = "tcp"
	}
	info, err := c.Inspect(ctx)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, b := range info.Ports {
		if b.Container == port && b.Protocol == protocol {
			return b.Host, nil
		}
	}
	if info.State.Status != StatusRunning && info.State.Status != StatusPaused {
		return netip.AddrPort{}, api.Errorf(ErrNotRunning, "container %s: it is not running (%s): its ports are not bound", c.id[:12], info.State.Status)
	}
	return netip.AddrPort{}, api.Errorf(ErrNotFound, "container %s: port %d/%s is not published: add it to Options.Ports, or use Dial", c.id[:12], port, protocol)
}

// Dial connects to a port of the container, published or not, from inside its network: to its own loopback when
// address has no host, as ":8080". The network is tcp or udp. The connection is the kernel's own, not relayed.
//
// Errors: ErrNotFound, ErrNotRunning; *net.OpError as net.Dial's.
func (c *Container) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	f, err := c.c.File(ctx, api.ContainerSocket.Of(c.id), api.ContainerDial.Of(c.id), api.SocketRequest{Network: network, Address: address})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileConn(f)
}

// Listen listens inside the container's network, so that this process serves what the container's processes connect
// to. The network is tcp. An address without a host, as ":8080", is all of the container's addresses.
//
// Errors: ErrNotFound, ErrNotRunning; *net.OpError as net.Listen's.
func (c *Container) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	f, err := c.c.File(ctx, api.ContainerSocket.Of(c.id), api.ContainerListen.Of(c.id), api.SocketRequest{Network: network, Address: address})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}
