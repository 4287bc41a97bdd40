package seccomp

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// plan is a checked profile, not yet bound to an ABI.
type plan struct {
	fallback uint32 // the default action
	archs    map[specs.Arch]bool
	entries  []entry
}

// entry is one element of the profile's syscalls.
type entry struct {
	field  string
	names  []string
	action uint32
	// alternatives are lists of conditions of which one has to hold; none
	// means that the entry applies always.
	alternatives [][]specs.LinuxSeccompArg
}

// rule is an action for one system call; it applies if all conditions hold.
type rule struct {
	action uint32
	conds  []specs.LinuxSeccompArg
}

// check reads the profile. Every error names the field.
func check(s *specs.LinuxSeccomp) (*plan, error) {
	if s == nil {
		return nil, profileError("missing: a container without filter has none to compile")
	}
	fallback, err := encodeAction("defaultAction", s.DefaultAction, "defaultErrnoRet", s.DefaultErrnoRet)
	if err != nil {
		return nil, err
	}
	p := &plan{fallback: fallback, archs: map[specs.Arch]bool{}}
	for i, a := range s.Architectures {
		if !knownArchs[a] {
			return nil, profileError("architectures[%d]: unknown architecture %q (SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64, …)", i, a)
		}
		p.archs[a] = true
	}
	for i, c := range s.Syscalls {
		e, err := checkEntry(i, c)
		if err != nil {
			return nil, err
		}
		p.entries = append(p.entries, e)
	}
	return p, nil
}

func checkEntry(index int, c specs.LinuxSyscall) (entry, error) {
	field := fmt.Sprintf("syscalls[%d]", index)
	if len(c.Names) == 0 {
		return entry{}, profileError("%s.names: empty", field)
	}
	action, err := encodeAction(field+".action", c.Action, field+".errnoRet", c.ErrnoRet)
	if err != nil {
		return entry{}, err
	}
	e := entry{field: field, names: c.Names, action: action}
	var used [6]int
	for i, a := range c.Args {
		if err := checkArg(fmt.Sprintf("%s.args[%d]", field, i), a); err != nil {
			return entry{}, err
		}
		used[a.Index]++
	}
	switch {
	case len(c.Args) == 0:
	case slices.Max(used[:]) > 1:
		// Several conditions on one argument are alternatives: profiles were
		// written for runc, which does so since before it could combine them.
		for _, a := range c.Args {
			e.alternatives = append(e.alternatives, []specs.LinuxSeccompArg{a})
		}
	default:
		e.alternatives = [][]specs.LinuxSeccompArg{c.Args}
	}
	return e, nil
}

func checkArg(field string, a specs.LinuxSeccompArg) error {
	if a.Index > 5 {
		return profileError("%s.index: %d is out of range (0 to 5)", field, a.Index)
	}
	switch a.Op {
	case specs.OpNotEqual, specs.OpLessThan, specs.OpLessEqual, specs.OpEqualTo,
		specs.OpGreaterEqual, specs.OpGreaterThan, specs.OpMaskedEqual:
		return nil
	}
	return profileError("%s.op: unknown operator %q (use SCMP_CMP_NE, _LT, _LE, _EQ, _GE, _GT or _MASKED_EQ)", field, a.Op)
}

// ruleSet is the rules by system call number, for one ABI.
type ruleSet struct {
	rules map[uint32][]rule
	last  uint32 // the highest number the profile names, private ones apart
}

// resolve binds the plan to an ABI. Names that the ABI does not have are
// ignored, and so are entries that only repeat the default (as runc does;
// otherwise they would override conditional entries for the same call).
func (p *plan) resolve(a abi) (ruleSet, error) {
	set := ruleSet{rules: map[uint32][]rule{}}
	for _, e := range p.entries {
		for _, name := range e.names {
			n, ok := table()[name]
			if ok && n[a.column] >= 0 {
				nr := uint32(n[a.column])
				if a.private == 0 || nr < a.private {
					set.last = max(set.last, nr)
				}
				if e.action == p.fallback {
					continue
				}
				if !set.add(a.first+nr, e) {
					return set, profileError("%s: contradicts an earlier entry for %s with the same args", e.field, name)
				}
			}
			if m, ok := a.mux[name]; ok {
				nr := uint32(table()[m.through][a.column])
				set.last = max(set.last, nr)
				if e.action != p.fallback {
					set.addMuxed(nr, m, e)
				}
			}
		}
	}
	return set, nil
}

// add follows libseccomp where entries for one call meet: one without
// conditions beats those with, the first of several without wins, and the
// same conditions with another action are a contradiction (false). Where
// conditions overlap, the earlier entry decides.
func (s *ruleSet) add(nr uint32, e entry) bool {
	have := s.rules[nr]
	if len(have) == 1 && len(have[0].conds) == 0 {
		return true
	}
	if len(e.alternatives) == 0 {
		s.rules[nr] = []rule{{action: e.action}}
		return true
	}
	for _, conds := range e.alternatives {
		i := slices.IndexFunc(have, func(r rule) bool { return slices.Equal(r.conds, conds) })
		switch {
		case i < 0:
			have = append(have, rule{e.action, conds})
		case have[i].action != e.action:
			return false
		}
	}
	s.rules[nr] = have
	return true
}

// addMuxed extends an entry to the multiplexer, where a program could make the
// same call. The call's own arguments are in memory there, out of a filter's
// sight, so an entry with conditions that lets calls through is not extended,
// and one that stops some stops all: the stricter way in both cases.
func (s *ruleSet) addMuxed(nr uint32, m muxed, e entry) {
	if len(e.alternatives) > 0 && passes(e.action) {
		return
	}
	have := s.rules[nr]
	if len(have) == 1 && len(have[0].conds) == 0 {
		return
	}
	// The kernel takes ipc's call number from the lower 16 bits.
	cond := specs.LinuxSeccompArg{Index: 0, Op: specs.OpMaskedEqual, Value: 0xffffffff, ValueTwo: m.call}
	if m.through == "ipc" {
		cond.Value = 0xffff
	}
	conds := []specs.LinuxSeccompArg{cond}
	if !slices.ContainsFunc(have, func(r rule) bool { return slices.Equal(r.conds, conds) }) {
		s.rules[nr] = append(have, rule{e.action, conds})
	}
}
