package seccomp_test

import (
	"fmt"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

func ptr[T any](v T) *T { return &v }

// denying is a profile whose default is EPERM.
func denying(calls ...specs.LinuxSyscall) *specs.LinuxSeccomp {
	return &specs.LinuxSeccomp{
		DefaultAction: specs.ActErrno,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchAARCH64, specs.ArchARM},
		Syscalls:      calls,
	}
}

func on(name string, action specs.LinuxSeccompAction, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: []string{name}, Action: action, Args: args}
}

func arg(index uint, op specs.LinuxSeccompOperator, values ...uint64) specs.LinuxSeccompArg {
	a := specs.LinuxSeccompArg{Index: index, Op: op, Value: values[0]}
	if len(values) > 1 {
		a.ValueTwo = values[1]
	}
	return a
}

func TestOperators(t *testing.T) {
	const v = 0x1_0000_0005
	tests := []struct {
		op     specs.LinuxSeccompOperator
		values []uint64
		holds  []uint64
		not    []uint64
	}{
		{specs.OpEqualTo, []uint64{v}, []uint64{v}, []uint64{5, v - 1, v + 1, v + 1<<32, 0}},
		{specs.OpNotEqual, []uint64{v}, []uint64{5, v - 1, v + 1, v + 1<<32, 0}, []uint64{v}},
		{specs.OpLessThan, []uint64{v}, []uint64{0, 9, v - 1}, []uint64{v, v + 1, 2 << 32}},
		{specs.OpLessEqual, []uint64{v}, []uint64{0, 9, v - 1, v}, []uint64{v + 1, 2 << 32}},
		{specs.OpGreaterEqual, []uint64{v}, []uint64{v, v + 1, 2 << 32}, []uint64{0, 9, v - 1}},
		{specs.OpGreaterThan, []uint64{v}, []uint64{v + 1, 2 << 32}, []uint64{0, 9, v - 1, v}},
		{specs.OpMaskedEqual, []uint64{0x2_0000_0f00, 0x2_0000_0300}, []uint64{0x2_0000_0300, 0xf_1111_f3ff}, []uint64{0x300, 0x2_0000_0700, 0}},
		{specs.OpMaskedEqual, []uint64{0xf0, 0}, []uint64{0, 0xf, 1 << 63}, []uint64{0x10, 0x80}},
		{specs.OpMaskedEqual, []uint64{0xf0, 0x1}, nil, []uint64{0, 1, 0xf1}},
	}
	for _, test := range tests {
		for index := range uint(6) {
			t.Run(fmt.Sprint(test.op, " ", index), func(t *testing.T) {
				f := compiled(t, denying(on("read", specs.ActAllow, arg(index, test.op, test.values...)), on("listns", specs.ActAllow)), "amd64")
				for _, x := range test.holds {
					c := call{audit: x86_64}
					c.args[index] = x
					require.EqualValues(t, allow, f.run(c), "%#x", x)
				}
				for _, x := range test.not {
					c := call{audit: x86_64}
					c.args[index] = x
					require.EqualValues(t, eperm, f.run(c), "%#x", x)
				}
			})
		}
	}
}

func TestActions(t *testing.T) {
	tests := []struct {
		action specs.LinuxSeccompAction
		errno  *uint
		want   uint32
	}{
		{specs.ActAllow, nil, allow},
		{specs.ActErrno, nil, eperm},
		{specs.ActErrno, ptr(uint(38)), enosys},
		{specs.ActErrno, ptr(uint(0)), 0x00050000},
		{specs.ActErrno, ptr(uint(4095)), 0x00050fff},
		{specs.ActKill, nil, killThread},
		{specs.ActKillThread, nil, killThread},
		{specs.ActKillProcess, nil, killProcess},
		{specs.ActTrap, nil, 0x00030000},
		{specs.ActTrace, nil, 0x7ff00001},
		{specs.ActTrace, ptr(uint(7)), 0x7ff00007},
		{specs.ActLog, nil, 0x7ffc0000},
		{specs.ActAllow, ptr(uint(7)), allow},
	}
	for _, test := range tests {
		name := string(test.action)
		if test.errno != nil {
			name = fmt.Sprint(name, " ", *test.errno)
		}
		t.Run(name, func(t *testing.T) {
			s := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: ptr(uint(99)),
				Syscalls: []specs.LinuxSyscall{{Names: []string{"read", "listns"}, Action: test.action, ErrnoRet: test.errno}}}
			f := compiled(t, s, "amd64")
			require.Equal(t, test.want, f.run(call{audit: x86_64}), "as a rule")
			require.EqualValues(t, 0x00050000|99, f.run(call{audit: x86_64, nr: 1}), "the default")

			s = &specs.LinuxSeccomp{DefaultAction: test.action, DefaultErrnoRet: test.errno}
			require.Equal(t, test.want, compiled(t, s, "arm64").run(call{audit: aarch64, nr: 7}), "as the default")
		})
	}
}

// TestNewCalls is about numbers that the profile's author cannot have known.
func TestNewCalls(t *testing.T) {
	for _, test := range []struct {
		action specs.LinuxSeccompAction
		want   uint32
	}{
		{specs.ActErrno, enosys}, {specs.ActKill, enosys}, {specs.ActKillProcess, enosys}, {specs.ActTrap, enosys},
		{specs.ActAllow, allow}, {specs.ActLog, 0x7ffc0000}, {specs.ActTrace, 0x7ff00001},
	} {
		t.Run(string(test.action), func(t *testing.T) {
			s := denying(on("openat2", specs.ActErrno)) // 437
			s.DefaultAction = test.action
			f, g := compiled(t, s, "amd64"), compiled(t, s, "arm64")
			require.Equal(t, test.want, f.run(call{audit: x86_64, nr: 438}))
			require.Equal(t, test.want, f.run(call{audit: x86_64, nr: x32 + 438}))
			require.Equal(t, test.want, f.run(call{audit: i386, nr: 1 << 31}))
			require.Equal(t, test.want, g.run(call{audit: aarch64, nr: 438}))
			require.Equal(t, test.want, g.run(call{audit: arm, nr: 438}))
			require.Equal(t, scmpAction(test.action, nil), g.run(call{audit: arm, nr: 0xf0002}), "a private number is not a new one")
			require.Equal(t, scmpAction(test.action, nil), f.run(call{audit: x86_64, nr: 436}))
		})
	}
}

func TestArchitectures(t *testing.T) {
	s := denying(on("getpid", specs.ActAllow), on("listns", specs.ActAllow))
	for _, test := range []struct {
		name   string
		goarch string
		archs  []specs.Arch
		call   call
		want   uint32
	}{
		{"native is implied", "amd64", nil, call{audit: x86_64, nr: 39}, allow},
		{"i386 unlisted", "amd64", nil, call{audit: i386, nr: 20}, killThread},
		{"i386 listed", "amd64", []specs.Arch{specs.ArchX86}, call{audit: i386, nr: 20}, allow},
		{"i386 number on x86-64", "amd64", []specs.Arch{specs.ArchX86}, call{audit: x86_64, nr: 20}, eperm},
		{"x32 unlisted", "amd64", nil, call{audit: x86_64, nr: x32 + 39}, enosys},
		{"x32 listed", "amd64", []specs.Arch{specs.ArchX32}, call{audit: x86_64, nr: x32 + 39}, allow},
		{"x32 with i386's number", "amd64", []specs.Arch{specs.ArchX32}, call{audit: x86_64, nr: x32 + 20}, eperm},
		{"arm64", "arm64", nil, call{audit: aarch64, nr: 172}, allow},
		{"arm unlisted", "arm64", nil, call{audit: arm, nr: 20}, killThread},
		{"arm listed", "arm64", []specs.Arch{specs.ArchAARCH64, specs.ArchARM}, call{audit: arm, nr: 20}, allow},
		{"another machine's", "arm64", []specs.Arch{specs.ArchX86_64, specs.ArchMIPS64}, call{audit: x86_64, nr: 39}, killThread},
		{"x86-64 on arm64", "arm64", nil, call{audit: x86_64, nr: 39}, killThread},
		{"big endian arm", "arm64", []specs.Arch{specs.ArchARM}, call{audit: 0x28, nr: 20}, killThread},
	} {
		t.Run(test.name, func(t *testing.T) {
			s.Architectures = test.archs
			require.Equal(t, test.want, compiled(t, s, test.goarch).run(test.call))
		})
	}
}

func TestFlags(t *testing.T) {
	s := denying()
	s.Flags = []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagLog, specs.LinuxSeccompFlagSpecAllow, "SECCOMP_FILTER_FLAG_TSYNC", specs.LinuxSeccompFlagWaitKillableRecv}
	program, err := seccomp.Compile(s, "amd64")
	require.NoError(t, err)
	flags, _, err := gate.Decode(program)
	require.NoError(t, err)
	require.EqualValues(t, 6, flags)
}

func TestCompileErrors(t *testing.T) {
	many := denying()
	for i := range uint64(2000) {
		many.Syscalls = append(many.Syscalls, on("read", specs.ActAllow, arg(0, specs.OpEqualTo, 1000+i)))
	}
	first := func(change func(*specs.LinuxSyscall)) *specs.LinuxSeccomp {
		c := on("read", specs.ActAllow, arg(0, specs.OpEqualTo, 1))
		change(&c)
		return denying(on("write", specs.ActAllow), c)
	}
	for _, test := range []struct {
		profile *specs.LinuxSeccomp
		want    string
	}{
		{nil, "missing"},
		{&specs.LinuxSeccomp{}, "defaultAction: missing"},
		{&specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_PERMIT"}, `defaultAction: unknown action "SCMP_ACT_PERMIT" (use `},
		{&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, DefaultErrnoRet: ptr(uint(4096))}, "defaultErrnoRet: 4096 is out of range (0 to 4095)"},
		{&specs.LinuxSeccomp{DefaultAction: specs.ActNotify}, "defaultAction: SCMP_ACT_NOTIFY is not supported"},
		{&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Architectures: []specs.Arch{"amd64"}}, `architectures[0]: unknown architecture "amd64"`},
		{&specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Flags: []specs.LinuxSeccompFlag{"X"}}, `flags[0]: unknown flag "X"`},
		{first(func(c *specs.LinuxSyscall) { c.Names = nil }), "syscalls[1].names: empty"},
		{first(func(c *specs.LinuxSyscall) { c.Action = specs.ActNotify }), "syscalls[1].action: SCMP_ACT_NOTIFY is not supported"},
		{first(func(c *specs.LinuxSyscall) { c.Action = "" }), "syscalls[1].action: missing"},
		{first(func(c *specs.LinuxSyscall) { c.ErrnoRet = ptr(uint(1 << 31)) }), "syscalls[1].errnoRet: 2147483648 is out of range"},
		{first(func(c *specs.LinuxSyscall) { c.Args[0].Index = 6 }), "syscalls[1].args[0].index: 6 is out of range (0 to 5)"},
		{first(func(c *specs.LinuxSyscall) { c.Args[0].Op = "==" }), `syscalls[1].args[0].op: unknown operator "=="`},
		{denying(on("read", specs.ActAllow, arg(0, specs.OpEqualTo, 1)), on("read", specs.ActKill, arg(0, specs.OpEqualTo, 1))),
			"syscalls[1]: contradicts an earlier entry for read with the same args"},
		{many, "instructions, the kernel takes 4096"},
	} {
		t.Run(test.want, func(t *testing.T) {
			_, err := seccomp.Compile(test.profile, "amd64")
			require.ErrorIs(t, err, seccomp.ErrProfile)
			require.ErrorContains(t, err, "seccomp profile: ")
			require.ErrorContains(t, err, test.want)
		})
	}
	_, err := seccomp.Compile(denying(), "s390x")
	require.ErrorIs(t, err, seccomp.ErrArch)
}
