package seccomp_test

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"
)

// conflicts are entries that meet, and what comes out for personality with each
// first argument. The same table goes through libseccomp where that agrees.
var conflicts = []struct {
	name    string
	entries []specs.LinuxSyscall
	want    map[uint64]uint32
	// alone says why libseccomp is not asked.
	alone string
}{
	{"always beats earlier conditions", []specs.LinuxSyscall{
		on("personality", specs.ActKill, arg(0, specs.OpEqualTo, 1)), on("personality", specs.ActAllow),
	}, map[uint64]uint32{0: allow, 1: allow}, ""},
	{"always beats later conditions", []specs.LinuxSyscall{
		on("personality", specs.ActAllow), on("personality", specs.ActKill, arg(0, specs.OpEqualTo, 1)),
	}, map[uint64]uint32{0: allow, 1: allow}, ""},
	{"the first of two always", []specs.LinuxSyscall{
		on("personality", specs.ActTrap), on("personality", specs.ActAllow),
	}, map[uint64]uint32{0: 0x00030000}, ""},
	{"an entry that repeats the default is none", []specs.LinuxSyscall{
		on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 1)), on("personality", specs.ActErrno),
	}, map[uint64]uint32{0: eperm, 1: allow}, ""},
	{"conditions apart", []specs.LinuxSyscall{
		on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 1)), on("personality", specs.ActKillProcess, arg(0, specs.OpEqualTo, 2)),
	}, map[uint64]uint32{0: eperm, 1: allow, 2: killProcess}, ""},
	{"the same twice", []specs.LinuxSyscall{
		on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 1)), on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 1)),
	}, map[uint64]uint32{0: eperm, 1: allow}, "some versions call it an error"},
	{"one argument twice means either", []specs.LinuxSyscall{
		on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 1), arg(0, specs.OpEqualTo, 2)),
	}, map[uint64]uint32{0: eperm, 1: allow, 2: allow}, ""},
	{"two arguments mean both", []specs.LinuxSyscall{
		on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 1), arg(1, specs.OpEqualTo, 0)), on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 2), arg(1, specs.OpEqualTo, 3)),
	}, map[uint64]uint32{0: eperm, 1: allow, 2: eperm}, ""},
	{"the earlier of overlapping conditions", []specs.LinuxSyscall{
		on("personality", specs.ActTrap, arg(0, specs.OpGreaterThan, 1)), on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 2)),
	}, map[uint64]uint32{1: eperm, 2: 0x00030000, 3: 0x00030000}, "it sorts conditions, so that the order of entries says nothing"},
	{"the later of overlapping conditions", []specs.LinuxSyscall{
		on("personality", specs.ActAllow, arg(0, specs.OpEqualTo, 2)), on("personality", specs.ActTrap, arg(0, specs.OpGreaterThan, 1)),
	}, map[uint64]uint32{1: eperm, 2: allow, 3: 0x00030000}, "it sorts conditions, so that the order of entries says nothing"},
}

func TestConflicts(t *testing.T) {
	for _, test := range conflicts {
		t.Run(test.name, func(t *testing.T) {
			f := compiled(t, denying(append(test.entries, on("listns", specs.ActAllow))...), "amd64")
			for x, want := range test.want {
				require.Equal(t, want, f.run(call{audit: x86_64, nr: 135, args: [6]uint64{x}}), x)
			}
		})
	}
}

// TestI386Multiplexers: calls that can also be made through socketcall and ipc.
func TestI386Multiplexers(t *testing.T) {
	const socketcall, ipc = 102, 117
	allowing := func(calls ...specs.LinuxSyscall) *specs.LinuxSeccomp {
		s := denying(calls...)
		s.DefaultAction = specs.ActAllow
		return s
	}
	for _, test := range []struct {
		name    string
		profile *specs.LinuxSeccomp
		nr      uint32
		arg0    uint64
		want    uint32
	}{
		{"a denied call is denied there", allowing(on("socket", specs.ActErrno)), socketcall, 1, eperm},
		{"others are not", allowing(on("socket", specs.ActErrno)), socketcall, 2, allow},
		{"an allowed call is allowed there", denying(on("socket", specs.ActAllow), on("socketcall", specs.ActErrno)), socketcall, 1, allow},
		{"others are not (2)", denying(on("socket", specs.ActAllow), on("listns", specs.ActAllow)), socketcall, 2, eperm},
		{"a condition that denies some denies all", allowing(on("socket", specs.ActErrno, arg(0, specs.OpEqualTo, 40))), socketcall, 1, eperm},
		{"a condition that allows some allows none", denying(on("socket", specs.ActAllow, arg(0, specs.OpEqualTo, 40)), on("listns", specs.ActAllow)), socketcall, 1, eperm},
		{"the multiplexer itself", denying(on("socketcall", specs.ActAllow), on("socket", specs.ActKill)), socketcall, 1, allow},
		{"accept has no other way", allowing(on("accept", specs.ActErrno)), socketcall, 5, eperm},
		{"ipc", allowing(on("semget", specs.ActErrno)), ipc, 2, eperm},
		{"ipc with a version", allowing(on("semget", specs.ActErrno)), ipc, 1<<16 | 2, eperm},
		{"ipc, others", allowing(on("semget", specs.ActErrno)), ipc, 3, allow},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := compiled(t, test.profile, "amd64")
			require.Equal(t, test.want, f.run(call{audit: i386, nr: test.nr, args: [6]uint64{test.arg0}}))
		})
	}
}
