//go:build linux

package builds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/caisson-dev/caisson/image"
)

// output takes what a build prints. It passes the text on, tells of steps by events, and remembers the end of what each
// stage's present step printed. imagebuildah prints its own lines from the goroutine of their stage, by Write; os/exec
// copies what a step's command prints from a goroutine that the stage's started, by ReadFrom. So the one can't be taken
// for the other, whatever a command prints, and lines of stages that run side by side are told apart.
type output struct {
	w     io.Writer
	event func(image.BuildEvent) // may be nil
	label bool                   // begin each line of commands with its stage: several run at once

	mu   sync.Mutex
	tree *dockerfile      // once it is parsed
	at   map[uint64]*step // what goroutines are at
}

// step is what a stage is at.
type step struct {
	image.BuildEvent
	prefix string // "[2/3] " in builds of several stages
	done   bool
	line   []byte   // not yet ended
	tail   []string // of what it printed
	begun  bool     // a labelled line has begun in the text
}

// tailLines is how much of a failed step's output its error carries.
const tailLines = 20

func newOutput(w io.Writer, event func(image.BuildEvent), label bool) *output {
	return &output{w: w, event: event, label: label, at: map[uint64]*step{}}
}

func (o *output) setTree(t *dockerfile) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tree = t
}

// stepLine begins a step; builds of several stages count those too.
var stepLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)^(\[(\d+)/\d+\] )?STEP (\d+)(?:/(\d+))?: (.*)$`) })

// logLine is what imagebuildah's logger writes.
var logLine = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s)^time="[^"]*" level=(\w+) msg=(.*)$`) })

// Write takes a line of imagebuildah's own.
func (o *output) Write(p []byte) (int, error) {
	id, length := goroutine(), len(p)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tree != nil {
		p = []byte(o.tree.shown(string(p)))
	}
	text := strings.TrimSuffix(string(p), "\n")
	if m := logLine().FindStringSubmatch(text); m != nil {
		if strings.HasPrefix(m[2], `"missing \"`) {
			return length, nil // of an ARG without a value, which is as usual as one with
		}
		text = m[1] + ": " + m[2]
		if msg, err := strconv.Unquote(m[2]); err == nil {
			text = m[1] + ": " + msg
		}
		p = []byte(text + "\n")
	}
	st := o.at[id]
	if m := stepLine().FindStringSubmatch(text); m != nil {
		o.begin(id, m)
	} else if st == nil {
		// before the first step, or after the last
	} else if _, ok := strings.CutPrefix(text, "--> Using cache "); ok {
		o.send(st, image.BuildEvent{Kind: image.BuildCached})
	} else if result, ok := strings.CutPrefix(text, "--> "); ok {
		if !strings.Contains(result, " ") { // "Pushing cache …"
			o.finish(st, result)
		}
	} else if !strings.HasPrefix(strings.TrimPrefix(text, st.prefix), "COMMIT") {
		st.remember(p)
		o.send(st, image.BuildEvent{Kind: image.BuildOutput, Output: bytes.Clone(p)})
	}
	_, err := o.w.Write(p)
	return length, err
}

func (o *output) begin(id uint64, m []string) {
	if last := o.at[id]; last != nil {
		o.finish(last, "")
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	st := &step{prefix: m[1], BuildEvent: image.BuildEvent{
		Stage: max(1, number(m[2])), Step: number(m[3]), Steps: number(m[4]), Instruction: m[5],
	}}
	if o.tree != nil {
		st.StageName, st.Line = o.tree.locate(st.BuildEvent)
	}
	o.at[id] = st
	o.send(st, image.BuildEvent{Kind: image.BuildStep})
}

func (o *output) finish(st *step, result string) {
	if st.done {
		return
	}
	st.done = true
	o.send(st, image.BuildEvent{Kind: image.BuildDone, Image: result})
}

// send completes an event of a step.
func (o *output) send(st *step, ev image.BuildEvent) {
	if o.event == nil {
		return
	}
	full := st.BuildEvent
	full.Kind, full.Output, full.Image = ev.Kind, ev.Output, ev.Image
	o.event(full)
}

// ReadFrom copies what a step's command prints.
func (o *output) ReadFrom(r io.Reader) (int64, error) {
	id := parent()
	o.mu.Lock()
	st := o.at[id]
	o.mu.Unlock()
	buf := make([]byte, 32<<10)
	var total int64
	for {
		n, err := r.Read(buf)
		total += int64(n)
		if n > 0 {
			o.command(st, buf[:n])
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// command takes output of a step's command. A failure to pass it on must not stop the command: when the caller is gone,
// its context does.
func (o *output) command(st *step, p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := p
	if st != nil {
		st.remember(p)
		o.send(st, image.BuildEvent{Kind: image.BuildOutput, Output: bytes.Clone(p)})
		if o.label {
			text = st.labelled(p)
		}
	}
	_, _ = o.w.Write(text)
}

// labelled puts the stage before each line.
func (st *step) labelled(p []byte) []byte {
	var out []byte
	for part := range bytes.Lines(p) {
		if !st.begun {
			out = append(out, st.prefix...)
		}
		out = append(out, part...)
		st.begun = part[len(part)-1] != '\n'
	}
	return out
}

func (st *step) remember(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			const most = 4096 // of a line without an end, such as a progress bar's
			st.line = append(st.line, p[:min(len(p), max(0, most-len(st.line)))]...)
			return
		}
		if len(st.tail) == tailLines {
			st.tail = slices.Delete(st.tail, 0, 1)
		}
		st.tail = append(st.tail, string(append(st.line, p[:i]...)))
		st.line, p = st.line[:0], p[i+1:]
	}
}

// text is the end of what the step printed.
func (st *step) text() string {
	lines := st.tail
	if len(st.line) > 0 {
		lines = append(lines[:len(lines):len(lines)], string(st.line))
	}
	return strings.Join(lines, "\n")
}

// failed finds the step that imagebuildah names in its error, or nil.
func (o *output) failed(message string) *step {
	o.mu.Lock()
	defer o.mu.Unlock()
	var open []*step
	for _, st := range o.at {
		if st.done {
			continue
		}
		if sameInstruction(st.Instruction, message) {
			return st
		}
		open = append(open, st)
	}
	if len(open) == 1 {
		return open[0]
	}
	return nil
}

// pulling tells of the way of a base image.
func (o *output) pulling(ref string) func(image.Progress) {
	var once sync.Once
	return func(p image.Progress) {
		once.Do(func() { _, _ = fmt.Fprintf(o, "Pulling %s\n", ref) })
		if o.event != nil {
			o.event(image.BuildEvent{Kind: image.BuildPull, Instruction: ref, Pull: &p})
		}
	}
}
