package seccomp

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Pair makes the connection. The child's end is for the process's extra files;
// the caller closes its copy when the process has started, or Send would not
// notice the process's end, and closes the parent's end after Send.
func Pair() (parent, child *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("seccomp: socket pair for the gate: %w", err)
	}
	// Non-blocking, so that deadlines work.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, fmt.Errorf("seccomp: socket pair for the gate: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "seccomp gate"), os.NewFile(uintptr(fds[1]), "seccomp gate (child)"), nil
}
