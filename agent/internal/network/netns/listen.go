//go:build linux

package netns

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// Listen listens inside the namespace; the connections are served here. network is "tcp"; an empty host is every
// address of the container. To hand the listener to another process, pass the result's File on.
func Listen(ctx context.Context, ns *NS, network, addr string) (*net.TCPListener, error) {
	at, err := listenAddr(network, addr)
	if err != nil {
		return nil, err
	}
	var l net.Listener
	err = ns.Do(func() (err error) { // binding and listening happen on the calling thread
		l, err = new(net.ListenConfig).Listen(ctx, "tcp", at)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listen in container: %w", err)
	}
	return l.(*net.TCPListener), nil
}

// listenAddr insists on a literal host: a name would be looked up on another thread, outside the namespace.
func listenAddr(network, addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err == nil && host != "" {
		_, err = netip.ParseAddr(host)
	}
	if err != nil || network != "tcp" {
		return "", fmt.Errorf("listen in container: %s %q: %w: want tcp, and HOST:PORT with a literal host or none", network, addr, ErrInvalid)
	}
	return net.JoinHostPort(host, port), nil
}
