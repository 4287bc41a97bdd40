//go:build linux && cgo

package calls

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unsafe"

	"github.com/caisson-dev/caisson/agent/internal/tinyelf"
)

// #cgo CFLAGS: -O2 -fPIC -fno-stack-protector
// const void *caisson_calls_text(unsigned long *size, unsigned long *entry);
import "C"

const (
	maxArgs  = 5
	maxAllow = 4
	headSize = 8
	stepSize = 8 + 8 + maxArgs*8 + maxAllow*4
)

// program is the ELF file of the list.
func (l *List) program() ([]byte, error) {
	var size, entry C.ulong
	p := C.caisson_calls_text(&size, &entry)
	code := tinyelf.Code{Text: C.GoBytes(unsafe.Pointer(p), C.int(size)), At: uint64(uintptr(unsafe.Pointer(p))), Entry: uint64(entry)}
	data, err := l.encode(code.End())
	if err != nil {
		return nil, err
	}
	return code.File(data), nil
}

// encode is the list as calls_linux.c has it, to be at an address.
func (l *List) encode(at uint64) ([]byte, error) {
	head := headSize + len(l.steps)*stepSize
	e := encoder{at: at + uint64(head)}
	out := binary.LittleEndian.AppendUint64(make([]byte, 0, head), uint64(len(l.steps)))
	for _, s := range l.steps {
		if len(s.Args) > maxArgs || len(s.Allow) > maxAllow {
			return nil, fmt.Errorf("%s: it has %d arguments and %d errors", s, len(s.Args), len(s.Allow))
		}
		out = binary.LittleEndian.AppendUint32(out, uint32(s.kind))
		out = binary.LittleEndian.AppendUint32(out, s.flags)
		out = binary.LittleEndian.AppendUint64(out, uint64(s.Number))
		for i := range maxArgs {
			var v uint64
			if i < len(s.Args) {
				var err error
				if v, err = e.value(s.Args[i]); err != nil {
					return nil, fmt.Errorf("%s: argument %d: %w", s, i+1, err)
				}
			}
			out = binary.LittleEndian.AppendUint64(out, v)
		}
		for i := range maxAllow {
			var v uint32
			if i < len(s.Allow) {
				v = uint32(s.Allow[i])
			}
			out = binary.LittleEndian.AppendUint32(out, v)
		}
	}
	return append(out, e.data...), nil
}

// encoder has what arguments point to.
type encoder struct {
	at   uint64
	data []byte
}

// value is an argument's: itself, or its address.
func (e *encoder) value(arg any) (uint64, error) {
	switch a := arg.(type) {
	case int:
		return uint64(a), nil
	case uint32:
		return uint64(a), nil
	case string:
		if strings.IndexByte(a, 0) >= 0 {
			return 0, fmt.Errorf("%q has a NUL byte", a)
		}
		return e.put(append([]byte(a), 0)), nil
	case []byte:
		return e.put(a), nil
	case []string:
		var pointers []byte
		for _, s := range a {
			at, err := e.value(s)
			if err != nil {
				return 0, err
			}
			pointers = binary.LittleEndian.AppendUint64(pointers, at)
		}
		return e.put(binary.LittleEndian.AppendUint64(pointers, 0)), nil
	case Filter: // struct sock_fprog
		prog := binary.LittleEndian.AppendUint64(nil, uint64(len(a)/8))
		return e.put(binary.LittleEndian.AppendUint64(prog, e.put(a))), nil
	}
	return 0, fmt.Errorf("a %T is not one", arg)
}

// put returns the address of b.
func (e *encoder) put(b []byte) uint64 {
	for len(e.data)%8 != 0 {
		e.data = append(e.data, 0)
	}
	at := e.at + uint64(len(e.data))
	e.data = append(e.data, b...)
	return at
}
