package rooms

import (
	"fmt"
	"slices"
	"strings"
)

// Upward returns which rooms import one that does not stand on a lower floor than they do, in sentences. floors has the
// rooms of each floor, the highest first. A name that ends in "/..." stands for all rooms below it that have no other
// place. Every room has a place.
func Upward(all []Room, module string, floors [][]string) []string {
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, r := range all {
		from, ok := floor(floors, r.Path)
		if !ok {
			bad("%s has no floor: say where it stands", r.Path)
			continue
		}
		for _, i := range r.Imports {
			if !inside(i, module) {
				continue
			}
			path := strings.TrimPrefix(strings.TrimPrefix(i, module), "/")
			if to, ok := floor(floors, path); ok && to <= from {
				bad("%s imports %s, which does not stand on a lower floor", r.Path, path)
			}
		}
	}
	for _, f := range floors {
		for _, name := range f {
			match := func(r Room) bool { return r.Path == name }
			if dir, ok := strings.CutSuffix(name, "/..."); ok {
				match = func(r Room) bool { return inside(r.Path, dir) }
			}
			if !slices.ContainsFunc(all, match) {
				bad("there is no room %s: remove its floor", name)
			}
		}
	}
	return wrong
}

func floor(floors [][]string, path string) (n int, ok bool) {
	for n, f := range floors {
		if slices.Contains(f, path) {
			return n, true
		}
	}
	for n, f := range floors {
		for _, name := range f {
			if dir, all := strings.CutSuffix(name, "/..."); all && inside(path, dir) {
				return n, true
			}
		}
	}
	return 0, false
}

// Rule says what a room and those in it must not reach, directly or by others.
type Rule struct {
	Room      string
	Forbidden []string // whole paths; a path forbids what is below it too
	Except    []string // of what is below a forbidden path
	Why       string
}

// Reached returns which rules are broken, in sentences.
func Reached(all []Room, module string, rules []Rule) []string {
	var wrong []string
	for _, rule := range rules {
		found := false
		for _, r := range all {
			if !inside(r.Path, rule.Room) {
				continue
			}
			found = true
			for _, d := range r.Deps {
				own := inside(d, module+"/"+rule.Room)
				in := func(path string) bool { return inside(d, path) }
				if !own && slices.ContainsFunc(rule.Forbidden, in) && !slices.ContainsFunc(rule.Except, in) {
					wrong = append(wrong, fmt.Sprintf("%s must not reach %s: %s", r.Path, d, rule.Why))
				}
			}
		}
		if !found {
			wrong = append(wrong, fmt.Sprintf("there is no room %s: remove its rule", rule.Room))
		}
	}
	return wrong
}
