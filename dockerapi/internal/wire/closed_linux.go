package wire

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// closed says whether the other side of a unix socket has closed it for both ways.
func closed(c net.Conn) bool {
	u, ok := c.(interface {
		SyscallConn() (syscall.RawConn, error)
	})
	if !ok {
		return false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return true // it is closed on this side
	}
	hup := false
	err = raw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd)}}
		n, perr := unix.Poll(fds, 0)
		hup = perr == nil && n > 0 && fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
	return hup || err != nil
}
