// Package buildview shows a build on a terminal, in rows that change in place. What is seen is a function of the build's
// events, of the time and of the terminal's size; Printer alone writes.
//
// It knows package image and a writer. It must not know of flags, of the store, nor of other commands.
package buildview

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/docker/go-units"

	"github.com/caisson-dev/caisson/image"
)

// tailLines is how much of what a step prints is seen while it runs.
const tailLines = 6

// View is what a build has told so far.
type View struct {
	began    time.Time
	rows     []*row
	steps    map[int]int // of each stage, in all
	warnings []string
}

// row is a step, or a base that is pulled.
type row struct {
	stage, step int    // 0 for a pull
	text        string // without what changes
	blobs       map[string]image.Progress
	began       time.Time
	ended       time.Time // zero while it goes on
	cached      bool
	tail        []string
	line        string // not yet ended
}

// New returns the view of a build that begins now.
func New(now time.Time) *View { return &View{began: now, steps: map[int]int{}} }

// Take takes an event that came now.
func (v *View) Take(e image.BuildEvent, now time.Time) {
	if e.Kind == image.BuildWarning {
		text := e.Warning.Name + ": " + e.Warning.Message
		if e.Line > 0 {
			text += fmt.Sprintf(" (line %d)", e.Line)
		}
		v.warnings = append(v.warnings, text)
		return
	}
	if e.Kind == image.BuildPull {
		v.pull(e, now)
		return
	}
	v.steps[e.Stage] = max(v.steps[e.Stage], e.Steps)
	r := v.row(e)
	switch {
	case r == nil:
		v.endPulls(now)
		v.rows = append(v.rows, &row{stage: e.Stage, step: e.Step, text: label(e) + e.Instruction, began: now})
	case e.Kind == image.BuildCached:
		r.cached = true
	case e.Kind == image.BuildOutput:
		r.print(string(e.Output))
	case e.Kind == image.BuildDone:
		r.ended, r.tail, r.line = now, nil, ""
	}
}

func (v *View) row(e image.BuildEvent) *row {
	for _, r := range v.rows {
		if r.stage == e.Stage && r.step == e.Step {
			return r
		}
	}
	return nil
}

// pull takes how far a base is, which has no stage: bases come before the first step.
func (v *View) pull(e image.BuildEvent, now time.Time) {
	text := "pull " + e.Instruction
	for _, r := range v.rows {
		if r.stage == 0 && r.text == text {
			r.blobs[e.Pull.Digest] = *e.Pull
			return
		}
	}
	v.endPulls(now)
	v.rows = append(v.rows, &row{text: text, began: now, blobs: map[string]image.Progress{e.Pull.Digest: *e.Pull}})
}

// endPulls ends the pull before, which has no event for that.
func (v *View) endPulls(now time.Time) {
	for _, r := range v.rows {
		if r.stage == 0 && r.ended.IsZero() {
			r.ended = now
		}
	}
}

// label is a step's place, such as "[build 2/5] ".
func label(e image.BuildEvent) string {
	name := e.StageName
	if name == "" {
		name = fmt.Sprint("stage-", e.Stage-1)
	}
	return fmt.Sprintf("[%s %d/%d] ", name, e.Step, e.Steps)
}

// print keeps the last lines. A carriage return begins a line again, as on a terminal.
func (r *row) print(text string) {
	for part := range strings.SplitAfterSeq(text, "\n") {
		bare, ended := strings.CutSuffix(part, "\n")
		bare = strings.TrimSuffix(bare, "\r")
		if i := strings.LastIndexByte(bare, '\r'); i >= 0 {
			r.line, bare = "", bare[i+1:]
		}
		const most = 4096 // of a line without an end
		if r.line += bare; len(r.line) > most {
			r.line = r.line[:most]
		}
		if ended {
			r.tail = append(r.tail, r.line)
			r.tail = r.tail[max(0, len(r.tail)-tailLines):]
			r.line = ""
		}
	}
}

// Frame is what is seen now on a terminal of that size, by lines. With a height of 0 it is all of it.
func (v *View) Frame(now time.Time, width, height int) []string {
	done, all := 0, 0
	for _, n := range v.steps {
		all += n
	}
	for _, r := range v.rows {
		if r.stage > 0 && !r.ended.IsZero() {
			done++
		}
	}
	lines := []string{cut(fmt.Sprintf("[+] Building %s (%d/%d)", seconds(now.Sub(v.began)), done, all), width)}
	lines = append(lines, v.seen(now, width, height-1)...)
	if height == 0 && len(v.warnings) > 0 {
		lines = append(lines, "", fmt.Sprintf("Warnings: %d", len(v.warnings)))
		for _, w := range v.warnings {
			lines = append(lines, cut(" - "+w, width))
		}
	}
	return lines
}

// seen are the rows. Where they don't fit, those that have ended go first, the oldest of them, and then the topmost.
func (v *View) seen(now time.Time, width, height int) []string {
	blocks := make([][]string, len(v.rows))
	total := 0
	for i, r := range v.rows {
		blocks[i] = r.lines(now, width)
		total += len(blocks[i])
	}
	for i, r := range v.rows {
		if height >= 0 && total > height && !r.ended.IsZero() {
			total -= len(blocks[i])
			blocks[i] = nil
		}
	}
	var lines []string
	for _, b := range blocks {
		lines = append(lines, b...)
	}
	if height >= 0 && len(lines) > height {
		lines = lines[len(lines)-height:]
	}
	return lines
}

// lines are a row, and the end of what its command prints.
func (r *row) lines(now time.Time, width int) []string {
	text := " => "
	if r.cached {
		text += "CACHED "
	}
	text += r.text
	if r.blobs != nil {
		var have, want int64
		for _, b := range r.blobs {
			have, want = have+b.Current, want+max(b.Total, b.Current)
		}
		text += fmt.Sprintf(" %s / %s", units.HumanSizeWithPrecision(float64(have), 3), units.HumanSizeWithPrecision(float64(want), 3))
	}
	end := now
	if !r.ended.IsZero() {
		end = r.ended
	}
	lines := []string{spread(text, seconds(end.Sub(r.began)), width)}
	tail := r.tail
	if r.line != "" {
		tail = append(tail[max(0, len(tail)-tailLines+1):len(tail):len(tail)], r.line)
	}
	for _, t := range tail {
		lines = append(lines, cut(" => => # "+t, width))
	}
	return lines
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", max(0, d).Seconds()) }

// spread puts a text on the left and another on the right.
func spread(left, right string, width int) string {
	room := width - len(right) - 1
	left = cut(left, room)
	return left + strings.Repeat(" ", max(1, width-len([]rune(left))-len(right))) + right
}

// cut makes a line of a text that fits, without what would move a terminal's cursor.
func cut(text string, width int) string {
	out := make([]rune, 0, len(text))
	for _, c := range text {
		if c == '\t' || c == '\n' {
			c = ' '
		}
		if unicode.IsPrint(c) {
			out = append(out, c)
		}
	}
	if width >= 0 && len(out) > width {
		out = out[:width]
	}
	return string(out)
}
