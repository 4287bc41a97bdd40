package netns

import (
	"context"
	"errors"
	"net"
	"os"
)

// DialFile is Dial for a process that is to have the connection.
func DialFile(ctx context.Context, ns *NS, network, addr string) (*os.File, error) {
	c, err := Dial(ctx, ns, network, addr)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	f, ok := c.(interface{ File() (*os.File, error) })
	if !ok {
		return nil, &net.OpError{Op: "dial", Net: network, Err: errors.New("the socket has no file")}
	}
	return f.File()
}

// ListenFile is Listen for a process that is to have the listener.
func ListenFile(ctx context.Context, ns *NS, network, addr string) (*os.File, error) {
	l, err := Listen(ctx, ns, network, addr)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.File()
}
