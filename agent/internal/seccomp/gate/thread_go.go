//go:build linux && !cgo && (amd64 || arm64)

package gate

import (
	"runtime"
	"syscall"
	"unsafe"
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

// From the kernel's include/uapi/linux/capability.h.
const (
	capVersion3 = 0x20080522
	capSysAdmin = 21
)

type capHeader struct {
	version uint32
	pid     int32
}

type capData struct{ effective, permitted, inheritable uint32 }

// raiseCapability makes CAP_SYS_ADMIN effective in this thread again. After a
// change of uid it is only permitted. Install tells if that was not enough.
func raiseCapability() {
	h := capHeader{version: capVersion3}
	var d [2]capData
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPGET, uintptr(unsafe.Pointer(&h)), uintptr(unsafe.Pointer(&d[0])), 0); errno != 0 {
		return
	}
	d[0].effective |= d[0].permitted & (1 << capSysAdmin)
	syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&h)), uintptr(unsafe.Pointer(&d[0])), 0)
}
