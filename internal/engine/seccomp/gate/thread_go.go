//go:build linux && !cgo && (amd64 || arm64)

package gate

import (
	"runtime"
	"syscall"
)

// Gate starts the thread that waits on fd, a connected stream socket, for the
// program that the parent sends; see the package comment. It takes fd over.
//
// It is to be called from an init function, before anything drops privileges.
// If the parent goes away, sends something else, or the kernel refuses the
// filter, the process exits with status 125, and the parent's Send says why.
func Gate(fd int) {
	syscall.CloseOnExec(fd)
	ready := make(chan struct{})
	go func() {
		// Never unlocked: capabilities are a thread's own, and this one keeps
		// what libcontainer drops in the main thread.
		runtime.LockOSThread()
		// A change of uid, which reaches all threads, leaves the permitted
		// capabilities of this one.
		_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_KEEPCAPS, 1, 0)
		close(ready)
		var err error
		if errno != 0 {
			err = failure("prctl(PR_SET_KEEPCAPS): " + errno.Error())
		} else {
			err = receive(fd, raiseCapability)
		}
		if err != nil {
			exit(fd, err)
		}
		select {} // the thread must not end: that is a call the filter may deny
	}()
	<-ready
}
