//go:build linux

package dns

import (
	"net"
	"net/netip"
	"sync"
)

// sharedListener accepts only connections that are admitted; the others are closed at once.
type sharedListener struct {
	net.Listener
	admit func(netip.Addr) (done func(), ok bool)
}

func (l *sharedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if done, ok := l.admit(addrOf(c.RemoteAddr())); ok {
			return &sharedConn{Conn: c, done: done}, nil
		}
		c.Close()
	}
}

type sharedConn struct {
	net.Conn
	once sync.Once
	done func()
}

func (c *sharedConn) Close() error {
	c.once.Do(c.done)
	return c.Conn.Close()
}
