package seccomp

import "github.com/opencontainers/runtime-spec/specs-go"

// condition emits a comparison of one argument, going to yes or no.
func (a *assembler) condition(c specs.LinuxSeccompArg, wide bool, yes, no label) label {
	switch c.Op {
	case specs.OpMaskedEqual: // value is the mask, valueTwo what has to come out
		return a.masked(c, wide, yes, no)
	case specs.OpNotEqual:
		return a.compare(opEqual, c, wide, no, yes)
	case specs.OpEqualTo:
		return a.compare(opEqual, c, wide, yes, no)
	case specs.OpGreaterThan:
		return a.compare(opGreat, c, wide, yes, no)
	case specs.OpGreaterEqual:
		return a.compare(opGreatE, c, wide, yes, no)
	case specs.OpLessThan:
		return a.compare(opGreatE, c, wide, no, yes)
	default: // specs.OpLessEqual; check lets no other through
		return a.compare(opGreat, c, wide, no, yes)
	}
}

// compare emits equal, greater, or greater-or-equal, on 64 bits by halves.
func (a *assembler) compare(op uint16, c specs.LinuxSeccompArg, wide bool, yes, no label) label {
	low, high := uint32(c.Value), uint32(c.Value>>32)
	if !wide && high != 0 {
		return no // a 32-bit argument neither equals nor exceeds it
	}
	l := a.then(opLoad, offsetLow(c.Index), a.branch(op, low, yes, no))
	if !wide {
		return l
	}
	l = a.branch(opEqual, high, l, no)
	if op != opEqual {
		l = a.branch(opGreat, high, yes, l)
	}
	return a.then(opLoad, offsetLow(c.Index)+4, l)
}

func (a *assembler) masked(c specs.LinuxSeccompArg, wide bool, yes, no label) label {
	low, high := uint32(c.ValueTwo), uint32(c.ValueTwo>>32)
	maskLow, maskHigh := uint32(c.Value), uint32(c.Value>>32)
	if !wide && high != 0 {
		return no
	}
	l := a.maskedHalf(offsetLow(c.Index), maskLow, low, yes, no)
	if !wide || (maskHigh == 0 && high == 0) {
		return l
	}
	return a.maskedHalf(offsetLow(c.Index)+4, maskHigh, high, l, no)
}

func (a *assembler) maskedHalf(offset, mask, want uint32, yes, no label) label {
	l := a.branch(opEqual, want, yes, no)
	if mask != 0xffffffff {
		l = a.then(opAnd, mask, l)
	}
	return a.then(opLoad, offset, l)
}

func offsetLow(index uint) uint32 { return offArgs + 8*uint32(index) }
