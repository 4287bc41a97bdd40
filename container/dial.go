package container

import (
	"context"
	"net"
	"net/netip"

	"github.com/caisson-dev/caisson/internal/api"
)

// Addr returns the address on the host of a published port, such as 127.0.0.1:49153. The protocol is tcp or udp; empty
// means tcp.
//
// Errors: ErrNotFound when the container is not there or the port is not published; ErrNotRunning when the container
// does not run.
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

// Dial connects to a port of the container from inside its network, whether the port is published or not. The network is
// tcp or udp. An address without a host, such as ":8080", is on the loopback of the container. The kernel carries the
// connection; nothing relays it.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run; *net.OpError like net.Dial.
func (c *Container) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	f, err := c.c.File(ctx, api.ContainerSocket.Of(c.id), api.ContainerDial.Of(c.id), api.SocketRequest{Network: network, Address: address})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileConn(f)
}

// Listen listens inside the container's network, so that this process serves the processes of the container. The network
// is tcp. An address without a host, such as ":8080", stands for all addresses of the container.
//
// Errors: ErrNotFound when the container is not there; ErrNotRunning when it does not run; *net.OpError like net.Listen.
func (c *Container) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	f, err := c.c.File(ctx, api.ContainerSocket.Of(c.id), api.ContainerListen.Of(c.id), api.SocketRequest{Network: network, Address: address})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return net.FileListener(f)
}
