package seccomp

import (
	"maps"
	"slices"
)

// span is a run of numbers with the same outcome, up to the next span.
type span struct {
	start uint32
	ret   uint32 // the outcome if no rule applies
	rules []rule // for a single number: the first that holds decides
	wide  bool
}

// spans partitions all numbers of the group.
func (p *plan) spans(g group) ([]span, error) {
	var gaps []span
	points := map[uint32]span{}
	for i, a := range g.abis {
		native := i == 0
		if !native && !p.archs[a.arch] {
			gaps = append(gaps, p.excluded(a, gaps)...)
			continue
		}
		set, err := p.resolve(a)
		if err != nil {
			return nil, err
		}
		gaps = append(gaps, span{start: a.first, ret: p.fallback})
		if wantsENOSYS(p.fallback) && set.last > 0 {
			gaps = append(gaps, span{start: a.first + set.last + 1, ret: retErrno | errnoENOSYS})
			if a.private > 0 {
				gaps = append(gaps, span{start: a.first + a.private, ret: p.fallback})
			}
		}
		for nr, rules := range set.rules {
			s := span{start: nr, ret: p.fallback, rules: rules, wide: a.wide}
			if len(rules) == 1 && len(rules[0].conds) == 0 {
				s.ret, s.rules = rules[0].action, nil
			}
			points[nr] = s
		}
	}
	return overlay(gaps, points), nil
}

// excluded is the outcome for an ABI's numbers that the profile does not list,
// within an audit architecture that it does: ENOSYS goes on if the filter has
// come to that, otherwise the call is fatal as from an unlisted architecture.
// -1 is what a tracer puts in place of a call to be skipped, and not an ABI's.
func (p *plan) excluded(a abi, before []span) []span {
	if before[len(before)-1].ret == retErrno|errnoENOSYS {
		return nil
	}
	return []span{{start: a.first, ret: retKillThread}, {start: 0xffffffff, ret: p.fallback}}
}

// overlay puts single numbers over the gaps and joins what has one outcome.
func overlay(gaps []span, points map[uint32]span) []span {
	var out []span
	push := func(s span) {
		if n := len(out) - 1; n >= 0 && out[n].rules == nil && s.rules == nil && out[n].ret == s.ret {
			return
		}
		out = append(out, s)
	}
	numbers := slices.Sorted(maps.Keys(points))
	for i, g := range gaps {
		end := uint64(1) << 32
		if i+1 < len(gaps) {
			end = uint64(gaps[i+1].start)
		}
		at := uint64(g.start)
		for len(numbers) > 0 && uint64(numbers[0]) < end {
			nr := numbers[0]
			numbers = numbers[1:]
			if uint64(nr) > at {
				push(span{start: uint32(at), ret: g.ret})
			}
			push(points[nr])
			at = uint64(nr) + 1
		}
		if at < end {
			push(span{start: uint32(at), ret: g.ret})
		}
	}
	return out
}
