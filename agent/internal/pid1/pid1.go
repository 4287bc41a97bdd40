//go:build linux && cgo

// Package pid1 has the program that is process 1 of a container with Options.Process.Init, as an ELF file of one page or two.
//
// Why not the agent's own binary, mounted into the container: it has 45 MB, a Go runtime that takes 5 ms to begin and
// megabytes of memory, and it is dynamically linked, to libraries that the container does not have. And a process of the
// container could open it by /proc/1/exe (CVE-2019-5736): a container that may mount can make a read-only mount
// writable. This program is written anew into each container's directory: who overwrites it, overwrites their own.
//
// Why not an embedded binary: nobody could read what it does. It is C, compiled by the same cgo that libcontainer
// wants, into a section of the agent (init_linux.c), which is copied out here.
package pid1

// #cgo CFLAGS: -O2 -fPIC -fno-stack-protector
// const void *caisson_init_text(unsigned long *size, unsigned long *entry);
import "C"

import (
	"unsafe"

	"github.com/caisson-dev/caisson/agent/internal/tinyelf"
)

// Program is the ELF file.
func Program() []byte {
	var size, entry C.ulong
	p := C.caisson_init_text(&size, &entry)
	code := tinyelf.Code{Text: C.GoBytes(unsafe.Pointer(p), C.int(size)), At: uint64(uintptr(unsafe.Pointer(p))), Entry: uint64(entry)}
	return code.File(nil)
}
