// Package tinyelf writes programs of one segment as ELF files: machine code that the compiler left in a section of this
// binary, and data behind it. Packages pid1 and calls are such programs. It touches nothing.
package tinyelf

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"runtime"
)

const (
	base    = 0x10000 // where the program is loaded; it does not matter, for it is alone
	page    = 4096
	headers = 64 + 2*56 // of the ELF header and two program headers
)

// Code is what a program executes.
type Code struct {
	Text  []byte
	At    uint64 // where Text is in this process
	Entry uint64 // where in Text it begins
}

// pad is what is before the text. Code keeps its place within a page: what it finds by page (arm64's adrp) must be where
// it was.
func (c Code) pad() uint64 {
	if in := c.At % page; in >= headers {
		return in
	}
	return c.At%page + page
}

// behind is where in the file that is which is behind the text, at the next multiple of 16.
func (c Code) behind() uint64 { return (c.pad() + uint64(len(c.Text)) + 15) &^ 15 }

// End is the address of what is behind the text, a multiple of 16.
func (c Code) End() uint64 { return base + c.behind() }

// File is the ELF file, with data from End on. The program can write to neither; its stack is all that it can write to.
func (c Code) File(data []byte) []byte {
	machine := elf.EM_X86_64
	if runtime.GOARCH == "arm64" {
		machine = elf.EM_AARCH64
	}
	size := c.behind() + uint64(len(data))
	var b bytes.Buffer
	b.Grow(int(size))
	for _, h := range []any{
		elf.Header64{
			Ident: [elf.EI_NIDENT]byte{0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)},
			Type:  uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT),
			Entry: base + c.pad() + c.Entry, Phoff: 64, Ehsize: 64, Phentsize: 56, Phnum: 2,
		},
		elf.Prog64{
			Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X), Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: page,
		},
		elf.Prog64{Type: uint32(elf.PT_GNU_STACK), Flags: uint32(elf.PF_R | elf.PF_W), Align: 16}, // nothing executes it
	} {
		_ = binary.Write(&b, binary.LittleEndian, h) // a Buffer takes all
	}
	b.Write(make([]byte, c.pad()-headers))
	b.Write(c.Text)
	b.Write(make([]byte, c.behind()-c.pad()-uint64(len(c.Text))))
	b.Write(data)
	return b.Bytes()
}
