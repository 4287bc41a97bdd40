package dockerapi

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// trusted says whether the peer is this user or root.
func trusted(c *net.UnixConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	ok := false
	err = raw.Control(func(fd uintptr) {
		cred, cerr := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		ok = cerr == nil && (cred.Uid == uint32(os.Geteuid()) || cred.Uid == 0)
	})
	return ok && err == nil
}
