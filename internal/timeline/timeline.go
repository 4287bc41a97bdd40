// Package timeline is the report of a run of go test: what each fixture of each test waited for, and what became of it. The
// test binaries of a run, which know nothing of each other, add to the same file.
//
// It writes the files that it is given, under a lock on them, and reads /proc to learn which run this is. It knows neither
// tests nor containers.
package timeline

import (
	"cmp"
	"slices"
	"time"
)

// What an Entry is of.
const (
	Container = "container" // from its test's call until it was ready, and to its end
	Build     = "build"     // an image
)

// How far an Entry has come.
const (
	Ready  = "ready"
	Failed = "failed" // it could not be made, or was never ready
	Ended  = "ended"
	Kept   = "kept" // the test failed, and the container was kept
)

// Entry is a fixture. One that is added with the ID of another replaces it: a container has an entry when it is ready, and
// another at its end.
type Entry struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	Package string `json:"package"`
	Test    string `json:"test,omitempty"` // empty outside tests
	Image   string `json:"image"`
	Name    string `json:"name,omitempty"`
	State   string `json:"state"`
	// Begin is when the test asked for it, Ready when it had it, with Steps between the two, and End when it was removed.
	Begin time.Time `json:"begin"`
	Ready time.Time `json:"ready,omitzero"`
	End   time.Time `json:"end,omitzero"`
	Steps []Step    `json:"steps,omitempty"`
	// TestFailed: the test that it belongs to did.
	TestFailed bool   `json:"testFailed,omitempty"`
	Error      string `json:"error,omitempty"`
	Log        string `json:"log,omitempty"` // the end of it
}

// Step is a part of what the test waited for. It began with the end of the one before.
type Step struct {
	Name string    `json:"name"`
	End  time.Time `json:"end"`
}

// Waited is how long the test waited for it.
func (e Entry) Waited() time.Duration {
	end := e.Ready
	if end.IsZero() && len(e.Steps) > 0 {
		end = e.Steps[len(e.Steps)-1].End
	}
	if end.IsZero() {
		end = e.End
	}
	return max(0, end.Sub(e.Begin))
}

// Last are the entries that no later one replaces, in the order of their beginnings.
func Last(all []Entry) []Entry {
	at := map[string]int{}
	var last []Entry
	for _, e := range all {
		if i, ok := at[e.ID]; ok {
			last[i] = e
			continue
		}
		at[e.ID] = len(last)
		last = append(last, e)
	}
	slices.SortStableFunc(last, func(a, b Entry) int { return a.Begin.Compare(b.Begin) })
	return last
}

// Sum is what all fixtures together waited for.
type Sum struct {
	Entries, Failed int
	Waited          time.Duration
	Steps           []StepSum // the longest first
}

// StepSum is what all fixtures waited for in the steps of a name.
type StepSum struct {
	Name   string
	Waited time.Duration
}

// Summed adds up.
func Summed(entries []Entry) Sum {
	var s Sum
	steps := map[string]time.Duration{}
	for _, e := range entries {
		s.Entries++
		if e.State == Failed || e.TestFailed {
			s.Failed++
		}
		s.Waited += e.Waited()
		begin := e.Begin
		for _, step := range e.Steps {
			steps[step.Name] += max(0, step.End.Sub(begin))
			begin = step.End
		}
	}
	for name, d := range steps {
		s.Steps = append(s.Steps, StepSum{name, d})
	}
	slices.SortFunc(s.Steps, func(a, b StepSum) int {
		return cmp.Or(cmp.Compare(b.Waited, a.Waited), cmp.Compare(a.Name, b.Name))
	})
	return s
}

// Dearest are the n that were waited for longest.
func Dearest(entries []Entry, n int) []Entry {
	list := slices.Clone(entries)
	slices.SortStableFunc(list, func(a, b Entry) int { return cmp.Compare(b.Waited(), a.Waited()) })
	return list[:min(n, len(list))]
}
