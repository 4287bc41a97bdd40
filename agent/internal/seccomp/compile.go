package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/caisson-dev/caisson/agent/internal/seccomp/gate"
)

// Compile makes the program that package gate installs, for a machine of the
// given GOARCH (amd64 or arm64).
//
// The machine's own ABI is always filtered; i386 and x32, or 32-bit arm, if
// the profile lists them. Calls by other ABIs kill the thread, as
// libseccomp's default is. Numbers above the highest that the profile names
// get ENOSYS unless the default action lets calls through (as with runc), so
// that C libraries fall back to calls that the profile's author knew. Names
// that the machine does not have are ignored.
//
// Errors match [ErrProfile] or [ErrArch].
func Compile(s *specs.LinuxSeccomp, goarch string) ([]byte, error) {
	groups, err := machine(goarch)
	if err != nil {
		return nil, err
	}
	p, err := check(s)
	if err != nil {
		return nil, err
	}
	flags, err := encodeFlags(s.Flags)
	if err != nil {
		return nil, err
	}
	a := &assembler{}
	next := a.ret(retKillThread)
	// Backwards, so that the native group is the first to be tested.
	for i := len(groups) - 1; i >= 0; i-- {
		g := groups[i]
		if i > 0 && !p.archs[g.abis[0].arch] {
			continue
		}
		spans, err := p.spans(g)
		if err != nil {
			return nil, err
		}
		entry := a.then(opLoad, offNumber, a.dispatch(spans))
		next = a.branch(opEqual, g.audit, entry, next)
	}
	a.then(opLoad, offArch, next)
	if n := len(a.reversed); n > maxInstructions {
		return nil, profileError("compiles to %d instructions, the kernel takes %d: use fewer entries with args", n, maxInstructions)
	}
	return gate.Encode(flags, a.bytes())
}

// dispatch emits a balanced search for the number's span.
func (a *assembler) dispatch(spans []span) label {
	if len(spans) == 1 {
		return a.outcome(spans[0])
	}
	m := len(spans) / 2
	right := a.dispatch(spans[m:])
	left := a.dispatch(spans[:m])
	return a.branch(opGreatE, spans[m].start, right, left)
}

func (a *assembler) outcome(s span) label {
	l := a.ret(s.ret)
	for i := len(s.rules) - 1; i >= 0; i-- {
		l = a.rule(s.rules[i], s.wide, l)
	}
	return l
}

// rule emits the rule's conditions; where one does not hold it goes to otherwise.
func (a *assembler) rule(r rule, wide bool, otherwise label) label {
	l := a.ret(r.action)
	for i := len(r.conds) - 1; i >= 0; i-- {
		l = a.condition(r.conds[i], wide, l, otherwise)
	}
	return l
}

var flagBits = map[specs.LinuxSeccompFlag]uint16{
	"SECCOMP_FILTER_FLAG_TSYNC":            0, // always on
	specs.LinuxSeccompFlagLog:              1 << 1,
	specs.LinuxSeccompFlagSpecAllow:        1 << 2,
	specs.LinuxSeccompFlagWaitKillableRecv: 0, // about listeners only, and there are none
}

func encodeFlags(flags []specs.LinuxSeccompFlag) (uint16, error) {
	var bits uint16
	for i, f := range flags {
		b, ok := flagBits[f]
		if !ok {
			return 0, profileError("flags[%d]: unknown flag %q (use SECCOMP_FILTER_FLAG_LOG, _SPEC_ALLOW, _TSYNC or _WAIT_KILLABLE_RECV)", i, f)
		}
		bits |= b
	}
	return bits, nil
}
