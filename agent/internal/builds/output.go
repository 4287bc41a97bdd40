//go:build linux

package builds

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/image"
)

// output tells what a build does: as text, and by events.
type output struct {
	w     io.Writer
	event func(image.BuildEvent) // may be nil
	label bool                   // begin each line of commands with its stage: several run at once

	mu sync.Mutex
}

func newOutput(w io.Writer, event func(image.BuildEvent), label bool) *output {
	return &output{w: w, event: event, label: label}
}

// print writes text. A failure to pass it on must not stop the build: when the caller is gone, its context ends.
func (o *output) print(format string, args ...any) { _, _ = fmt.Fprintf(o.w, format, args...) }

func (o *output) send(ev image.BuildEvent) {
	if o.event != nil {
		o.event(ev)
	}
}

// note prints what is of no step.
func (o *output) note(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.print(format+"\n", args...)
}

// warn tells of what the linter says.
func (o *output) warn(list []dockerfile.Warning) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range list {
		where := ""
		if w.Line > 0 {
			where = fmt.Sprintf(" (line %d)", w.Line)
		}
		o.print("WARN: %s: %s%s\n", w.Rule, w.Message, where)
		o.send(image.BuildEvent{Kind: image.BuildWarning, Line: w.Line, Warning: &image.BuildRule{Name: w.Rule, Description: w.Description, URL: w.URL, Message: w.Message}})
	}
}

// pulling tells of the way of a base image.
func (o *output) pulling(ref string) func(image.Progress) {
	var once sync.Once
	return func(p image.Progress) {
		o.mu.Lock()
		defer o.mu.Unlock()
		once.Do(func() { o.print("Pulling %s\n", ref) })
		o.send(image.BuildEvent{Kind: image.BuildPull, Instruction: ref, Pull: &p})
	}
}

// step is what a stage is at. It takes what the step's command prints.
type step struct {
	image.BuildEvent
	o      *output
	prefix string   // "[2/3] " in builds of several stages
	line   []byte   // not yet ended
	tail   []string // of what it printed
	begun  bool     // a labelled line has begun in the text
}

// begin begins a step of a stage.
func (o *output) begin(plan *dockerfile.Plan, st *dockerfile.Stage, number, steps, line int, text string) *step {
	s := &step{o: o, BuildEvent: image.BuildEvent{
		Stage: st.Index + 1, StageName: st.Name, Step: number, Steps: steps, Line: line, Instruction: text,
	}}
	if plan.InFile > 1 {
		s.prefix = fmt.Sprintf("[%d/%d] ", st.Index+1, plan.InFile)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.print("%sSTEP %d/%d: %s\n", s.prefix, number, steps, text)
	s.send(image.BuildEvent{Kind: image.BuildStep})
	return s
}

// send completes an event of the step.
func (s *step) send(ev image.BuildEvent) {
	full := s.BuildEvent
	full.Kind, full.Output, full.Image = ev.Kind, ev.Output, ev.Image
	if ev.Kind != image.BuildOutput && ev.Kind != image.BuildDone {
		full.Miss = ""
	}
	s.o.send(full)
}

// cached tells that the result is an earlier build's.
func (s *step) cached() {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.o.print("%s--> Using cache\n", s.prefix)
	s.send(image.BuildEvent{Kind: image.BuildCached})
}

// missed notes why the step is run.
func (s *step) missed(why image.BuildMiss) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.Miss = why
}

// done ends a step whose result goes by id; the last of all tells as committed.
func (s *step) done(id string) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	if id != "" {
		s.o.print("%s--> %s\n", s.prefix, short(id))
	}
	s.send(image.BuildEvent{Kind: image.BuildDone, Image: short(id)})
}

// committed ends the last step of a build, whose result is the image.
func (s *step) committed(id string, tags []string) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	text := s.prefix + "COMMIT"
	if len(tags) > 0 {
		text += " " + tags[0]
	}
	text += "\n" + s.prefix + "--> " + short(id) + "\n"
	for _, t := range tags {
		text += "Successfully tagged " + t + "\n"
	}
	s.o.print("%s%s\n", text, id)
	done := image.BuildEvent{Kind: image.BuildDone}
	if s.Step > 1 {
		done.Image = short(id)
	}
	s.send(done)
}

func short(id string) string { return id[:min(len(id), 12)] }

// Write takes output of the step's command.
func (s *step) Write(p []byte) (int, error) {
	s.o.mu.Lock()
	defer s.o.mu.Unlock()
	s.remember(p)
	s.send(image.BuildEvent{Kind: image.BuildOutput, Output: bytes.Clone(p)})
	text := p
	if s.o.label {
		text = s.labelled(p)
	}
	_, _ = s.o.w.Write(text) // see print
	return len(p), nil
}

// labelled puts the stage before each line.
func (s *step) labelled(p []byte) []byte {
	var out []byte
	for part := range bytes.Lines(p) {
		if !s.begun {
			out = append(out, s.prefix...)
		}
		out = append(out, part...)
		s.begun = part[len(part)-1] != '\n'
	}
	return out
}

// tailLines is how much of a failed step's output its error carries.
const tailLines = 20

func (s *step) remember(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			const most = 4096 // of a line without an end, such as a progress bar's
			s.line = append(s.line, p[:min(len(p), max(0, most-len(s.line)))]...)
			return
		}
		if len(s.tail) == tailLines {
			s.tail = slices.Delete(s.tail, 0, 1)
		}
		s.tail = append(s.tail, string(append(s.line, p[:i]...)))
		s.line, p = s.line[:0], p[i+1:]
	}
}

// text is the end of what the step printed.
func (s *step) text() string {
	lines := s.tail
	if len(s.line) > 0 {
		lines = append(lines[:len(lines):len(lines)], string(s.line))
	}
	return strings.Join(lines, "\n")
}
