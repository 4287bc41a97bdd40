package timeline

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// WriteText writes what all fixtures waited for, and the n that were waited for longest.
func WriteText(w io.Writer, entries []Entry, n int) error {
	var b strings.Builder
	s := Summed(entries)
	fmt.Fprintf(&b, "%d fixtures, %d failed; tests waited %s for them", s.Entries, s.Failed, rounded(s.Waited))
	var steps []string
	for _, step := range s.Steps {
		steps = append(steps, step.Name+" "+rounded(step.Waited))
	}
	fmt.Fprintf(&b, " (%s)\n", strings.Join(steps, ", "))
	for _, e := range Dearest(entries, n) {
		fmt.Fprintf(&b, "%9s  %s %s: %s%s\n", rounded(e.Waited()), e.Package, e.Test, e.Image, mark(e))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func mark(e Entry) string {
	switch {
	case e.State == Failed:
		return " (failed)"
	case e.TestFailed:
		return " (its test failed)"
	}
	return ""
}

func rounded(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	}
	return d.Round(time.Millisecond / 10).String()
}
