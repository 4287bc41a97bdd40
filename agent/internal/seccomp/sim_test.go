package seccomp_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

// Audit architectures, written down again so that a wrong one in the compiler
// does not agree with itself.
const (
	i386    = 0x40000003
	x86_64  = 0xc000003e
	arm     = 0x40000028
	aarch64 = 0xc00000b7
	x32     = 0x40000000 // with x86_64
)

// Verdicts.
const (
	allow       = 0x7fff0000
	killThread  = 0
	killProcess = 0x80000000
	eperm       = 0x00050001
	enosys      = 0x00050026
)

// call is what the kernel shows a filter.
type call struct {
	audit uint32
	nr    uint32
	args  [6]uint64
}

func (c call) word(offset uint32) uint32 {
	switch {
	case offset == 0:
		return c.nr
	case offset == 4:
		return c.audit
	case offset >= 16 && offset < 64 && offset%4 == 0:
		return uint32(c.args[(offset-16)/8] >> (8 * (offset % 8)))
	}
	panic(fmt.Sprintf("load from %d", offset))
}

type filter []byte

func (f filter) at(pc int) (op uint16, jt, jf uint8, k uint32) {
	b := f[8*pc:]
	return binary.LittleEndian.Uint16(b), b[2], b[3], binary.LittleEndian.Uint32(b[4:])
}

// run simulates the kernel's interpreter; it has no more instructions than the
// compilers use.
func (f filter) run(c call) uint32 {
	var a uint32
	for pc := 0; ; pc++ {
		op, jt, jf, k := f.at(pc)
		var yes bool
		switch op {
		case 0x20:
			a = c.word(k)
			continue
		case 0x54:
			a &= k
			continue
		case 0x05:
			pc += int(k)
			continue
		case 0x06:
			return k
		case 0x15:
			yes = a == k
		case 0x25:
			yes = a > k
		case 0x35:
			yes = a >= k
		default:
			panic(fmt.Sprintf("instruction %d: opcode %#x", pc, op))
		}
		if yes {
			pc += int(jt)
		} else {
			pc += int(jf)
		}
	}
}

// check applies the rules of the kernel's bpf_check_classic and
// seccomp_check_filter.
func (f filter) check() error {
	n := len(f) / 8
	if n == 0 || n > 4096 || len(f)%8 != 0 {
		return fmt.Errorf("%d bytes", len(f))
	}
	for pc := range n {
		op, jt, jf, k := f.at(pc)
		switch op {
		case 0x20:
			if k >= 64 || k%4 != 0 {
				return fmt.Errorf("instruction %d of %d: load from %d", pc, n, k)
			}
		case 0x15, 0x25, 0x35:
			if pc+1+int(max(jt, jf)) >= n {
				return fmt.Errorf("instruction %d of %d: jump by %d, %d", pc, n, jt, jf)
			}
		case 0x05:
			if uint64(pc)+1+uint64(k) >= uint64(n) {
				return fmt.Errorf("instruction %d of %d: jump by %d", pc, n, k)
			}
		case 0x54, 0x06:
		default:
			return fmt.Errorf("instruction %d of %d: opcode %#x", pc, n, op)
		}
	}
	if op, _, _, _ := f.at(n - 1); op != 0x06 {
		return fmt.Errorf("last of %d instructions: opcode %#x", n, op)
	}
	return nil
}

// filterOf takes a compiled program's filter out and checks it.
func filterOf(t testing.TB, program []byte, err error) filter {
	t.Helper()
	require.NoError(t, err)
	_, f, err := gate.Decode(program)
	require.NoError(t, err)
	require.NoError(t, filter(f).check())
	return f
}

// compiled compiles and takes the filter out.
func compiled(t testing.TB, s *specs.LinuxSeccomp, goarch string) filter {
	t.Helper()
	program, err := seccomp.Compile(s, goarch)
	return filterOf(t, program, err)
}
