package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Audit architectures, from the kernel's include/uapi/linux/audit.h.
const (
	auditI386    = 0x40000003
	auditX86_64  = 0xc000003e
	auditARM     = 0x40000028
	auditAARCH64 = 0xc00000b7
)

const (
	// x32Bit marks the numbers of x32, which shares x86-64's audit architecture.
	x32Bit = 0x40000000

	// armPrivate is the first of 32-bit arm's private calls (set_tls and others).
	armPrivate = 0xf0000
)

// abi is one way into the kernel: a table of numbers and a width of arguments.
type abi struct {
	arch   specs.Arch
	column int
	first  uint32 // added to the table's numbers
	// wide says that arguments have 64 bits. The kernel fills the upper half
	// with zeroes for 32-bit ABIs. x32 counts as 32 bits here as in libseccomp:
	// its ints and pointers are, and the kernel ignores what is above.
	wide bool
	// private is where numbers begin that are apart from the regular ones; 0
	// for none.
	private uint32
	mux     map[string]muxed
}

// group is the ABIs that share an audit architecture, ordered by first.
type group struct {
	audit uint32
	abis  []abi
}

// machine is the groups of a GOARCH, the native one first, whose first ABI is
// always part of a filter.
func machine(goarch string) ([]group, error) {
	switch goarch {
	case "amd64":
		return []group{
			{auditX86_64, []abi{
				{arch: specs.ArchX86_64, column: columnX86_64, wide: true},
				{arch: specs.ArchX32, column: columnX32, first: x32Bit},
			}},
			{auditI386, []abi{{arch: specs.ArchX86, column: columnI386, mux: i386Mux}}},
		}, nil
	case "arm64":
		return []group{
			{auditAARCH64, []abi{{arch: specs.ArchAARCH64, column: columnAARCH64, wide: true}}},
			{auditARM, []abi{{arch: specs.ArchARM, column: columnARM, private: armPrivate}}},
		}, nil
	}
	return nil, fmt.Errorf("%w: %s (use amd64 or arm64)", ErrArch, goarch)
}

// knownArchs are the names that a profile may list; those of other machines
// than the one compiled for say nothing about it.
var knownArchs = map[specs.Arch]bool{
	specs.ArchX86: true, specs.ArchX86_64: true, specs.ArchX32: true,
	specs.ArchARM: true, specs.ArchAARCH64: true,
	specs.ArchMIPS: true, specs.ArchMIPS64: true, specs.ArchMIPS64N32: true,
	specs.ArchMIPSEL: true, specs.ArchMIPSEL64: true, specs.ArchMIPSEL64N32: true,
	specs.ArchPPC: true, specs.ArchPPC64: true, specs.ArchPPC64LE: true,
	specs.ArchS390: true, specs.ArchS390X: true,
	specs.ArchPARISC: true, specs.ArchPARISC64: true,
	specs.ArchRISCV64: true, specs.ArchLOONGARCH64: true,
	specs.ArchM68K: true, specs.ArchSH: true, specs.ArchSHEB: true,
}
