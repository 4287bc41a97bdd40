//go:build linux && cgo && (amd64 || arm64)

package gate

/*
#cgo LDFLAGS: -lpthread
int caisson_gate(int fd);
*/
import "C"

import "syscall"

// Gate starts the thread that waits on fd, a connected stream socket, for the
// program that the parent sends; see the package comment. It takes fd over.
//
// It is to be called from an init function, before anything drops privileges.
// If the parent goes away, sends something else, or the kernel refuses the
// filter, the process exits with status 125, and the parent's Send says why.
//
// The thread is C's: one of Go's would have to wait for the scheduler, which
// has one place in a container's init (libcontainer sets GOMAXPROCS to 1) and
// notices only after up to 10 ms that the main thread blocks at the exec fifo.
func Gate(fd int) {
	syscall.CloseOnExec(fd)
	if rc := C.caisson_gate(C.int(fd)); rc != 0 {
		exit(fd, failure("start the thread of the gate: "+syscall.Errno(rc).Error()))
	}
}
