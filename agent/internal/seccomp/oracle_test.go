package seccomp_test

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// abis says how programs of an architecture appear to a filter.
var abis = map[specs.Arch]struct {
	column int
	audit  uint32
	bit    uint32
	wide   bool
}{
	specs.ArchX86_64:  {seccomp.ColumnX86_64, x86_64, 0, true},
	specs.ArchX86:     {seccomp.ColumnI386, i386, 0, false},
	specs.ArchX32:     {seccomp.ColumnX32, x86_64, x32, false},
	specs.ArchAARCH64: {seccomp.ColumnAARCH64, aarch64, 0, true},
	specs.ArchARM:     {seccomp.ColumnARM, arm, 0, false},
}

var archsOf = map[string][]specs.Arch{
	"amd64": {specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
	"arm64": {specs.ArchAARCH64, specs.ArchARM},
}

// oracle says what a profile means for a call, entry by entry, without
// compiling anything. The profile is valid and without contradictions.
func oracle(s *specs.LinuxSeccomp, goarch string, c call) uint32 {
	arch, listed, ok := archOf(s, goarch, c)
	if !ok {
		return killThread
	}
	fallback := scmpAction(s.DefaultAction, s.DefaultErrnoRet)
	stub := fallback != allow && fallback != 0x7ffc0000 && fallback>>16 != 0x7ff0
	if !listed { // x32 in a filter without it
		if stub && lastNumber(s, specs.ArchX86_64) > 0 {
			return enosys
		}
		if c.nr == 0xffffffff {
			return fallback
		}
		return killThread
	}
	abi := abis[arch]
	nr := c.nr - abi.bit
	private := arch == specs.ArchARM && nr >= 0xf0000
	if last := lastNumber(s, arch); stub && last > 0 && nr > last && !private {
		return enosys
	}
	verdict, found := fallback, false
	for _, e := range s.Syscalls {
		action := scmpAction(e.Action, e.ErrnoRet)
		if action == fallback {
			continue
		}
		for _, name := range e.Names {
			always, holds := matches(e, name, arch, nr, c.args, action)
			if always {
				return action
			}
			if holds && !found {
				verdict, found = action, true
			}
		}
	}
	return verdict
}

func archOf(s *specs.LinuxSeccomp, goarch string, c call) (arch specs.Arch, listed, ok bool) {
	for i, a := range archsOf[goarch] {
		listed := i == 0
		for _, l := range s.Architectures {
			listed = listed || l == a
		}
		abi := abis[a]
		if abi.audit == c.audit && (c.audit != x86_64 || (c.nr >= x32) == (abi.bit == x32)) {
			return a, listed, listed || a == specs.ArchX32
		}
	}
	return "", false, false
}

func lastNumber(s *specs.LinuxSeccomp, arch specs.Arch) (last uint32) {
	for _, e := range s.Syscalls {
		for _, name := range e.Names {
			n, ok := seccomp.Table()[name]
			if nr := n[abis[arch].column]; ok && nr >= 0 && nr < 0xf0000 {
				last = max(last, uint32(nr))
			}
			if arch == specs.ArchX86 {
				last = max(last, multiplexed[name].nr)
			}
		}
	}
	return last
}

// matches says whether an entry's name is about the call at all times, or now.
func matches(e specs.LinuxSyscall, name string, arch specs.Arch, nr uint32, args [6]uint64, action uint32) (always, holds bool) {
	abi := abis[arch]
	if n, ok := seccomp.Table()[name]; ok && n[abi.column] >= 0 && uint32(n[abi.column]) == nr {
		if len(e.Args) == 0 {
			return true, true
		}
		for _, conds := range alternatives(e.Args) {
			all := true
			for _, a := range conds {
				all = all && compare(a, args[a.Index], abi.wide)
			}
			holds = holds || all
		}
	}
	if arch == specs.ArchX86 && (len(e.Args) == 0 || action != allow && action != 0x7ffc0000) {
		m := multiplexed[name]
		if m.nr == nr && args[0]&m.mask == m.call && m.nr != 0 {
			holds = true
		}
	}
	return false, holds
}

// multiplexed are some of the calls that i386 has a second way for.
var multiplexed = map[string]struct {
	nr   uint32
	mask uint64
	call uint64
}{
	"socket": {102, 0xffffffff, 1}, "connect": {102, 0xffffffff, 3}, "accept": {102, 0xffffffff, 5},
	"semget": {117, 0xffff, 2}, "shmat": {117, 0xffff, 21}, "semop": {117, 0xffff, 1},
}

func compare(a specs.LinuxSeccompArg, arg uint64, wide bool) bool {
	if !wide {
		arg &= 0xffffffff
	}
	switch a.Op {
	case specs.OpNotEqual:
		return arg != a.Value
	case specs.OpLessThan:
		return arg < a.Value
	case specs.OpLessEqual:
		return arg <= a.Value
	case specs.OpEqualTo:
		return arg == a.Value
	case specs.OpGreaterEqual:
		return arg >= a.Value
	case specs.OpGreaterThan:
		return arg > a.Value
	}
	return arg&a.Value == a.ValueTwo
}

var operators = []specs.LinuxSeccompOperator{"", specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual,
	specs.OpEqualTo, specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual}

func scmpAction(a specs.LinuxSeccompAction, errno *uint) uint32 {
	e := uint32(1)
	if errno != nil {
		e = uint32(*errno)
	}
	switch a {
	case specs.ActErrno:
		return 0x00050000 | e
	case specs.ActTrace:
		return 0x7ff00000 | e
	}
	return map[specs.LinuxSeccompAction]uint32{specs.ActAllow: allow, specs.ActKill: killThread,
		specs.ActKillThread: killThread, specs.ActKillProcess: killProcess, specs.ActTrap: 0x00030000,
		specs.ActLog: 0x7ffc0000}[a]
}

// alternatives is runc's rule for several conditions on one argument.
func alternatives(args []specs.LinuxSeccompArg) [][]specs.LinuxSeccompArg {
	seen := map[uint]bool{}
	for _, a := range args {
		if seen[a.Index] {
			var out [][]specs.LinuxSeccompArg
			for _, a := range args {
				out = append(out, []specs.LinuxSeccompArg{a})
			}
			return out
		}
		seen[a.Index] = true
	}
	return [][]specs.LinuxSeccompArg{args}
}

// interesting are arguments around the values that the profile compares with,
// and with every step-th bit changed.
func interesting(s *specs.LinuxSeccomp, name string, wide bool, step int) [][6]uint64 {
	out := [][6]uint64{{}, {^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}}
	for _, c := range s.Syscalls {
		if !slices.Contains(c.Names, name) {
			continue
		}
		for _, a := range c.Args {
			for _, v := range []uint64{a.Value, a.ValueTwo} {
				values := []uint64{v, v - 1, v + 1, ^v, v | 1<<32, v | 1<<63, v << 32, v &^ (v - 1), v & (v - 1)}
				for bit := 0; bit < 64; bit += step {
					values = append(values, 1<<bit, v^1<<bit)
				}
				for _, x := range values {
					var args [6]uint64
					args[a.Index] = x
					out = append(out, args)
				}
			}
		}
	}
	if !wide {
		for i := range out {
			for j := range out[i] {
				out[i][j] &= 0xffffffff
			}
		}
	}
	return out
}
