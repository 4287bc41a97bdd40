package seccomp

import (
	"encoding/binary"
)

// Opcodes of classic BPF, from the kernel's include/uapi/linux/bpf_common.h.
const (
	opLoad   = 0x20 // ld  [k]
	opAnd    = 0x54 // and #k
	opJump   = 0x05 // ja  k
	opEqual  = 0x15 // jeq #k, jt, jf
	opGreat  = 0x25 // jgt
	opGreatE = 0x35 // jge
	opReturn = 0x06 // ret #k
)

// Offsets in struct seccomp_data. Both machines are little endian, so the
// lower half of an argument comes first.
const (
	offNumber = 0
	offArch   = 4
	offArgs   = 16
)

// maxInstructions is the kernel's BPF_MAXINSNS.
const maxInstructions = 4096

const maxSkip = 255 // a conditional jump has eight bits for its distance

type instruction struct {
	op     uint16
	jt, jf uint8
	k      uint32
}

// label is an instruction, counted from the program's end.
type label int

// assembler writes a program backwards. Jumps go forwards only, so a target is
// always written before what jumps to it, and distances are known at once.
type assembler struct {
	reversed []instruction
	returns  map[uint32]label // the nearest "ret" of each value
}

func (a *assembler) emit(i instruction) label {
	a.reversed = append(a.reversed, i)
	return label(len(a.reversed) - 1)
}

// ret returns a "ret value" that is within reach of the next instructions.
func (a *assembler) ret(value uint32) label {
	if l, ok := a.returns[value]; ok && a.skip(l) < maxSkip-8 {
		return l
	}
	if a.returns == nil {
		a.returns = map[uint32]label{}
	}
	l := a.emit(instruction{op: opReturn, k: value})
	a.returns[value] = l
	return l
}

// skip is how many instructions the next one has to jump over to get to l.
func (a *assembler) skip(l label) int { return len(a.reversed) - int(l) - 1 }

// near returns a label within a conditional jump's reach that leads to l,
// leaving room for more instructions before the jump.
func (a *assembler) near(l label, room int) label {
	if a.skip(l)+room <= maxSkip {
		return l
	}
	if i := a.reversed[l]; i.op == opReturn {
		return a.ret(i.k)
	}
	return a.emit(instruction{op: opJump, k: uint32(a.skip(l))})
}

// branch emits a conditional jump to yes or no.
func (a *assembler) branch(op uint16, k uint32, yes, no label) label {
	if yes == no {
		return yes
	}
	yes = a.near(yes, 1) // bringing no near may take one instruction
	no = a.near(no, 0)
	return a.emit(instruction{op: op, jt: uint8(a.skip(yes)), jf: uint8(a.skip(no)), k: k})
}

// then emits an instruction that goes on at next.
func (a *assembler) then(op uint16, k uint32, next label) label {
	if s := a.skip(next); s > 0 {
		a.emit(instruction{op: opJump, k: uint32(s)})
	}
	return a.emit(instruction{op: op, k: k})
}

// bytes is the program in the order and form of the kernel's sock_filter.
func (a *assembler) bytes() []byte {
	b := make([]byte, 0, 8*len(a.reversed))
	for n := len(a.reversed) - 1; n >= 0; n-- {
		i := a.reversed[n]
		b = binary.LittleEndian.AppendUint16(b, i.op)
		b = append(b, i.jt, i.jf)
		b = binary.LittleEndian.AppendUint32(b, i.k)
	}
	return b
}
