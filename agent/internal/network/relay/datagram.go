//go:build linux

package relay

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Datagram is as large as UDP allows.
type Datagram [64 << 10]byte

// Datagrams are taken only while there is one to carry: idle sessions hold none.
var Datagrams = sync.Pool{New: func() any { return new(Datagram) }}

// ReadDatagram waits for a datagram of a kernel's socket. The caller puts the buffer back into Datagrams.
func ReadDatagram(raw syscall.RawConn) (buf *Datagram, n int, err error) {
	cerr := raw.Read(func(fd uintptr) bool {
		buf = Datagrams.Get().(*Datagram)
		for {
			if n, _, err = unix.Recvfrom(int(fd), buf[:], 0); err != unix.EINTR {
				break
			}
		}
		if err != nil {
			Datagrams.Put(buf)
			buf = nil
		}
		return err != unix.EAGAIN
	})
	if cerr != nil {
		return nil, 0, cerr
	}
	return buf, n, err
}
