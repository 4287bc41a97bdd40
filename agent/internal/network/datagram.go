//go:build linux

package network

import (
	"io"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// datagram is as large as UDP allows.
type datagram [64 << 10]byte

// datagrams are taken only while there is one to carry: idle sessions hold none.
var datagrams = sync.Pool{New: func() any { return new(datagram) }}

// readDatagram waits for a datagram of a kernel's socket. The caller puts the buffer back into datagrams.
func readDatagram(raw syscall.RawConn) (buf *datagram, n int, err error) {
	cerr := raw.Read(func(fd uintptr) bool {
		buf = datagrams.Get().(*datagram)
		for {
			if n, _, err = unix.Recvfrom(int(fd), buf[:], 0); err != unix.EINTR {
				break
			}
		}
		if err != nil {
			datagrams.Put(buf)
			buf = nil
		}
		return err != unix.EAGAIN
	})
	if cerr != nil {
		return nil, 0, cerr
	}
	return buf, n, err
}

// gather puts the pieces of one datagram together.
type gather struct {
	buf *datagram
	n   int
}

func (g *gather) Write(b []byte) (int, error) {
	n := copy(g.buf[g.n:], b)
	g.n += n
	if n < len(b) {
		return n, io.ErrShortWrite
	}
	return n, nil
}
