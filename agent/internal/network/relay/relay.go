//go:build linux

package relay

import (
	"io"
	"net"
	"sync"

	"golang.org/x/sys/unix"
)

// Stream is one side of a relayed connection.
type Stream interface {
	// CopyTo copies until the end of the stream, which is not an error.
	CopyTo(dst Stream) error
	io.Writer
	CloseWrite() error
	Close() error
	// Abort resets the connection; reads and writes under way end.
	Abort()
}

// Streams carries both directions until both have ended. The end of one direction is passed on as such, so that a
// side that has finished sending still receives; a broken connection breaks the other.
func Streams(a, b Stream) {
	var wg sync.WaitGroup
	carry := func(dst, src Stream) {
		defer wg.Done()
		if err := src.CopyTo(dst); err != nil {
			a.Abort()
			b.Abort()
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

// Host is a connection of the kernel's.
type Host struct {
	*net.TCPConn
	Buffers *Pool // nil: Large
}

func (s Host) CopyTo(dst Stream) error {
	if d, ok := dst.(Host); ok {
		_, err := io.Copy(d.TCPConn, s.TCPConn) // splice(2)
		return err
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	bufs := s.Buffers
	if bufs == nil {
		bufs = Large
	}
	for {
		var buf []byte
		var n int
		var rerr error
		err := raw.Read(func(fd uintptr) bool {
			buf = bufs.Get()
			n, rerr = readNonblock(int(fd), buf)
			if rerr == errAgain {
				bufs.Put(buf)
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
			bufs.Put(buf)
		}
		if err != nil || n == 0 {
			return err
		}
	}
}

func (s Host) Abort() {
	s.SetLinger(0)
	s.Close()
}

var errAgain error = unix.EAGAIN

func readNonblock(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}
