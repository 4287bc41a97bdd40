//go:build linux && (amd64 || arm64)

package gate

import (
	"runtime"
	"syscall"
	"unsafe"
)

// From the kernel's include/uapi/linux/seccomp.h and capability.h.
const (
	setModeFilter    = 1
	flagTSYNC        = 1
	seccompFlagsMask = 0x6 // LOG and SPEC_ALLOW; others change what the call returns
)

type sockFprog struct {
	len    uint16
	filter *byte
}

// Install puts a filter, an array of struct sock_filter, on all threads of the
// process. The calling thread needs CAP_SYS_ADMIN in its user namespace, or
// no_new_privs. Either all threads have the filter or none.
func Install(flags uint16, filter []byte) error {
	if len(filter) == 0 || len(filter)%InstructionSize != 0 || len(filter) > MaxInstructions*InstructionSize || flags&^seccompFlagsMask != 0 {
		return ErrProgram
	}
	prog := sockFprog{len: uint16(len(filter) / InstructionSize), filter: &filter[0]}
	r, _, errno := syscall.RawSyscall(sysSeccomp, setModeFilter, uintptr(flags|flagTSYNC), uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(filter)
	switch {
	case errno == syscall.EACCES:
		return failure("the kernel refused the filter: the thread has neither CAP_SYS_ADMIN nor no_new_privs")
	case errno == syscall.EINVAL:
		return failure("the kernel refused the filter as malformed, or has no seccomp (needs Linux 3.17 with CONFIG_SECCOMP_FILTER)")
	case errno != 0:
		return failure("the kernel refused the filter: " + errno.Error())
	case r != 0:
		return failure("another thread has a filter of its own, which does not go together with TSYNC")
	}
	return nil
}
