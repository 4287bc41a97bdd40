//go:build linux

package network

import (
	"io"
	"net"
	"sync"
)

// stream is one side of a relayed connection.
type stream interface {
	// copyTo copies until the end of the stream, which is no error.
	copyTo(dst stream) error
	io.Writer
	CloseWrite() error
	Close() error
	// abort resets the connection; reads and writes under way end.
	abort()
}

// relay carries both directions until both have ended. The end of one direction is passed on as such, so that a
// side that has finished sending still receives; a broken connection breaks the other.
func relay(a, b stream) {
	var wg sync.WaitGroup
	carry := func(dst, src stream) {
		defer wg.Done()
		if err := src.copyTo(dst); err != nil {
			a.abort()
			b.abort()
			return
		}
		dst.CloseWrite()
	}
	wg.Add(2)
	go carry(a, b)
	carry(b, a)
	wg.Wait()
	a.Close()
	b.Close()
}

// hostStream is a connection of the kernel's.
type hostStream struct{ *net.TCPConn }

// buffers are taken only while there is something to carry: idle connections hold none.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

func (s hostStream) copyTo(dst stream) error {
	if d, ok := dst.(hostStream); ok {
		_, err := io.Copy(d.TCPConn, s.TCPConn) // splice(2)
		return err
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	for {
		var buf *[256 << 10]byte
		var n int
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			buf = buffers.Get().(*[256 << 10]byte)
			n, rerr = readNonblock(int(fd), buf[:])
			if rerr == errAgain {
				buffers.Put(buf)
				buf = nil
				return false
			}
			return true
		})
		if err == nil {
			err = rerr
		}
		if err == nil && n > 0 {
			_, err = dst.Write(buf[:n])
		}
		if buf != nil {
			buffers.Put(buf)
		}
		if err != nil || n == 0 {
			return err
		}
	}
}

func (s hostStream) abort() {
	s.SetLinger(0)
	s.Close()
}
