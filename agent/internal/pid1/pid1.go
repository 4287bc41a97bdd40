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
	"bytes"
	"debug/elf"
	"encoding/binary"
	"runtime"
	"unsafe"
)

// base is where the program is loaded; it does not matter, for it is alone.
const base = 0x10000

// headers is the size of the ELF header and one program header.
const headers = 64 + 56

// Program is the ELF file.
func Program() []byte {
	var size, entry C.ulong
	p := C.caisson_init_text(&size, &entry)
	text := C.GoBytes(unsafe.Pointer(p), C.int(size))
	machine := elf.EM_X86_64
	if runtime.GOARCH == "arm64" {
		machine = elf.EM_AARCH64
	}
	// Code keeps its place within a page: what it finds by page (arm64's adrp) must be where it was.
	pad := uint64(uintptr(unsafe.Pointer(p))) % 4096
	if pad < headers {
		pad += 4096
	}
	h := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
		Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
		Entry: base + pad + uint64(entry), Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 1,
	}
	prog := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Paddr: base,
		Filesz: pad + uint64(len(text)), Memsz: pad + uint64(len(text)), Align: 4096,
	}
	var b bytes.Buffer
	_ = binary.Write(&b, binary.LittleEndian, h) // a Buffer takes all
	_ = binary.Write(&b, binary.LittleEndian, prog)
	b.Write(make([]byte, pad-headers))
	b.Write(text)
	return b.Bytes()
}
