package seccomp_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// source makes profiles out of bytes; after the last byte it gives zeroes.
type source struct{ data []byte }

func (s *source) n(below int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % below
}

func (s *source) value() uint64 {
	v := []uint64{0, 1, 7, 0xff, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1<<32 + 7, 1 << 63, ^uint64(0)}[s.n(11)]
	return v + uint64(s.n(3)) - 1
}

var (
	fuzzActions = []specs.LinuxSeccompAction{specs.ActAllow, specs.ActErrno, specs.ActKill, specs.ActTrap,
		specs.ActTrace, specs.ActLog, specs.ActKillProcess, specs.ActKillThread, specs.ActNotify, "SCMP_ACT_X"}
	fuzzNames = []string{"read", "clone", "socket", "connect", "accept", "socketcall", "semget", "shmat", "semop", "ipc",
		"personality", "set_tls", "listns", "openat", "execve", "no_such_call", "mmap", "clone3"}
	fuzzArchs = []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32, specs.ArchAARCH64, specs.ArchARM, specs.ArchPPC, "X"}
)

func (s *source) profile() *specs.LinuxSeccomp {
	p := &specs.LinuxSeccomp{DefaultAction: fuzzActions[s.n(8)]}
	for range s.n(5) {
		p.Architectures = append(p.Architectures, fuzzArchs[s.n(6)])
	}
	for range s.n(12) {
		c := specs.LinuxSyscall{Action: fuzzActions[s.n(8)]}
		if s.n(20) == 19 {
			c.Action = fuzzActions[s.n(len(fuzzActions))]
		}
		if s.n(3) == 1 {
			e := uint(s.n(40))
			c.ErrnoRet = &e
		}
		for range 1 + s.n(3) {
			c.Names = append(c.Names, fuzzNames[s.n(len(fuzzNames))])
		}
		for range s.n(4) {
			c.Args = append(c.Args, specs.LinuxSeccompArg{Index: uint(s.n(6)), Op: operators[1+s.n(7)], Value: s.value(), ValueTwo: s.value()})
		}
		p.Syscalls = append(p.Syscalls, c)
	}
	return p
}

// FuzzCompile: no panic, errors of the documented kinds, programs that pass
// the kernel's checks, and verdicts as the oracle's.
func FuzzCompile(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		b := make([]byte, 20+r.IntN(300))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &source{data}
		p := s.profile()
		for goarch := range archsOf {
			program, err := seccomp.Compile(p, goarch)
			if err != nil {
				require.True(t, errors.Is(err, seccomp.ErrProfile), err)
				continue
			}
			againstOracle(t, p, goarch, filterOf(t, program, err))
		}
	})
}

func againstOracle(t *testing.T, p *specs.LinuxSeccomp, goarch string, f filter) {
	t.Helper()
	check := func(c call) {
		if got, want := f.run(c), oracle(p, goarch, c); got != want {
			t.Fatalf("%s %#x %#x %x: %#x instead of %#x\n%+v", goarch, c.audit, c.nr, c.args, got, want, p)
		}
	}
	for _, a := range append(archsOf[goarch], specs.ArchPPC) {
		abi := abis[a]
		numbers := []uint32{500, 0xeffff, 0xf0000, 0x3fffffff}
		byNumber := map[uint32]string{}
		for _, name := range fuzzNames {
			if n := seccomp.Table()[name]; n[abi.column] >= 0 {
				byNumber[uint32(n[abi.column])] = name
				numbers = append(numbers, uint32(n[abi.column]), uint32(n[abi.column])+1)
			}
		}
		for _, nr := range numbers {
			args := interesting(p, byNumber[nr], abi.wide, 11)
			if name := byNumber[nr]; name == "socketcall" || name == "ipc" {
				for call := range uint64(26) {
					args = append(args, [6]uint64{call}, [6]uint64{call | 1<<16})
				}
			}
			for _, args := range args {
				check(call{abi.audit, abi.bit + nr, args})
			}
		}
		check(call{abi.audit, 0xffffffff, [6]uint64{}})
	}
}

// FuzzLoad: no panic, errors of the documented kinds.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}],"includes":{"caps":["CAP_BPF"],"minKernel":"4.8"}}]}`))
	f.Add([]byte(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[null]}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := seccomp.Load(data, []string{"CAP_BPF"}, "amd64", seccomp.Kernel{Major: 6, Minor: 1})
		if err != nil {
			require.True(t, errors.Is(err, seccomp.ErrProfile), err)
			return
		}
		if program, err := seccomp.Compile(p, "amd64"); err == nil {
			filterOf(t, program, err)
		}
	})
}
