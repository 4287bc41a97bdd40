//go:build !linux

// Package unixsock dials unix sockets.
package unixsock

import (
	"context"
	"net"
)

// Dial connects to the socket at path.
func Dial(ctx context.Context, path string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}
