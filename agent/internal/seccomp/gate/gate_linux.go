//go:build linux && (amd64 || arm64)

package gate

import (
	"syscall"
	"unsafe"
)

// exitFailed is the process's status when it may not go on without a filter.
const exitFailed = 125

// Direct reads a program from fd, a connected stream socket, installs it on all
// threads and acknowledges. fd stays open until the process executes its
// program. The caller must not go on if it returns an error.
func Direct(fd int) error {
	syscall.CloseOnExec(fd)
	err := receive(fd, func() {})
	if err != nil {
		reply(fd, err.Error())
		syscall.Close(fd)
	}
	return err
}

// failure is an error without package fmt.
type failure string

func (f failure) Error() string { return "seccomp: " + string(f) }

// receive reads, installs and acknowledges.
func receive(fd int, prepare func()) error {
	// The parent may have set its copy of the descriptor non-blocking.
	if err := syscall.SetNonblock(fd, false); err != nil {
		return failure("descriptor of the gate: " + err.Error())
	}
	var head [HeaderSize]byte
	if err := readFull(fd, head[:]); err != nil {
		return err
	}
	size, flags, ok := header(head[:])
	if !ok {
		return ErrProgram
	}
	filter := make([]byte, size)
	if err := readFull(fd, filter); err != nil {
		return err
	}
	prepare()
	if err := Install(flags, filter); err != nil {
		return err
	}
	// Under the filter now. If it denies sendto, the parent sees no
	// acknowledgement, and ends the container. Otherwise fd stays open: the
	// exec of the program closes it, and the parent hears of that.
	if !reply(fd, Ack) {
		syscall.Close(fd)
	}
	return nil
}

func readFull(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := syscall.Read(fd, p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return failure("read the program: " + err.Error())
		case n == 0:
			return failure("the parent closed the gate before it had sent a program")
		default:
			p = p[n:]
		}
	}
	return nil
}

func reply(fd int, text string) bool {
	p := []byte(text + "\n")
	for len(p) > 0 {
		// MSG_NOSIGNAL: a parent that is gone must not become a SIGPIPE here.
		n, err := send(fd, p)
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return false
		}
		p = p[n:]
	}
	return true
}

func send(fd int, p []byte) (int, error) {
	n, _, errno := syscall.Syscall6(syscall.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)), syscall.MSG_NOSIGNAL, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// exit ends the process; a signal would not, for the first of a pid namespace.
func exit(fd int, err error) {
	reply(fd, err.Error())
	syscall.Exit(exitFailed)
}
