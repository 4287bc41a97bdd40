//go:build linux

package builds

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"sync"
)

// output passes on what a build prints and remembers the end of what the present step printed.
type output struct {
	mu   sync.Mutex
	w    io.Writer
	line []byte   // not yet ended
	tail []string // of the step
}

// stepLine begins a step; builds of several stages count those too.
var stepLine = regexp.MustCompile(`^(\[\d+/\d+\] )?STEP \d`)

// tailLines is how much of a failed step's output its error carries.
const tailLines = 20

func newOutput(w io.Writer) *output { return &output{w: w} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.remember(p)
	return o.w.Write(p)
}

func (o *output) remember(p []byte) {
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			const most = 4096 // of a line without an end, as a progress bar's
			o.line = append(o.line, p[:min(len(p), max(0, most-len(o.line)))]...)
			return
		}
		o.add(string(append(o.line, p[:i]...)))
		o.line, p = o.line[:0], p[i+1:]
	}
}

func (o *output) add(line string) {
	if stepLine.MatchString(line) {
		o.tail = o.tail[:0]
		return
	}
	if len(o.tail) == tailLines {
		o.tail = append(o.tail[:0], o.tail[1:]...)
	}
	o.tail = append(o.tail, line)
}

// Tail is the end of the present step's output.
func (o *output) Tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.tail
	if len(o.line) > 0 {
		lines = append(lines[:len(lines):len(lines)], string(o.line))
	}
	return strings.Join(lines, "\n")
}
