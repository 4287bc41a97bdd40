package rooms

import (
	"fmt"
	"slices"
)

// The size of a room: above it, it is two.
const (
	MaxFiles = 30
	MaxLines = 4000
)

// Exception is a room that may be larger, up to a size of its own, which only ever goes down.
type Exception struct {
	Path  string
	Files int // at most; 0: MaxFiles
	Lines int // at most; 0: MaxLines
	Why   string
}

// slack is by how many hundredths an exception may be above its room's size. What is further above is to be lowered, so
// that the room can't grow back.
const slack = 10

// Sizes returns what is wrong with the sizes of rooms, in sentences.
func Sizes(all []Room, exceptions []Exception) []string {
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, r := range all {
		i := slices.IndexFunc(exceptions, func(e Exception) bool { return e.Path == r.Path })
		if i < 0 {
			if r.Files > MaxFiles || r.Lines > MaxLines {
				bad("%s has %d files and %d lines: a room has at most %d and %d: divide it", r.Path, r.Files, r.Lines, MaxFiles, MaxLines)
			}
			continue
		}
		e := exceptions[i]
		files, lines := max(e.Files, MaxFiles), max(e.Lines, MaxLines)
		switch {
		case r.Files > files || r.Lines > lines:
			bad("%s has %d files and %d lines: its exception is for %d and %d: an exception never grows", r.Path, r.Files, r.Lines, files, lines)
		case r.Files <= MaxFiles && r.Lines <= MaxLines:
			bad("%s needs no exception any more: remove it", r.Path)
		case tooHigh(e.Files, r.Files, MaxFiles) || tooHigh(e.Lines, r.Lines, MaxLines):
			bad("%s has shrunk to %d files and %d lines: lower its exception for %d and %d", r.Path, r.Files, r.Lines, e.Files, e.Lines)
		}
	}
	for _, e := range exceptions {
		if !slices.ContainsFunc(all, func(r Room) bool { return r.Path == e.Path }) {
			bad("there is no room %s: remove its exception", e.Path)
		}
		if e.Why == "" {
			bad("the exception of %s needs a reason", e.Path)
		}
	}
	return wrong
}

func tooHigh(limit, size, limitOfAll int) bool {
	return limit > 0 && (size <= limitOfAll || (limit-size)*100 > slack*limit)
}
