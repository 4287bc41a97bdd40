package dockertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"

	"github.com/caisson-dev/caisson/container"
)

// WaitLog waits for a line of the log, of standard output or standard error, that contains text; Times waits for the
// n-th such line. Only what was written since the container's last start counts.
func WaitLog(text string) Wait {
	w := waitLog(fmt.Sprintf("log line with %q", text), func(line []byte) bool { return bytes.Contains(line, []byte(text)) })
	if text == "" {
		w.err = errors.New("the text is empty")
	}
	return w
}

// WaitLogMatch is WaitLog with a regular expression (package regexp).
func WaitLogMatch(expr string) Wait {
	re, err := regexp.Compile(expr)
	w := waitLog(fmt.Sprintf("log line that matches %q", expr), func(line []byte) bool { return re.Match(line) })
	w.err = err
	return w
}

// waitLog follows the log, which ends with the container's process: a line that comes just before counts too.
func waitLog(what string, match func([]byte) bool) Wait {
	return Wait{what: what, hold: func(ctx context.Context, p *probe) error {
		lines := &lineCounter{match: match, want: max(p.wait.times, 1)}
		err := p.Logs(ctx, container.LogsOptions{Follow: true, Since: p.begun(), Stdout: lines.stream(), Stderr: lines.stream()})
		switch {
		case errors.Is(err, errFound):
			return nil
		case ctx.Err() != nil:
			return ended(ctx, lines.seen())
		case err != nil:
			return err
		}
		select {
		case <-p.exited:
			return errExited
		case <-ctx.Done():
			return ended(ctx, lines.seen())
		}
	}}
}

var errFound = errors.New("found")

// lineCounter counts lines of several streams.
type lineCounter struct {
	match func([]byte) bool
	mu    sync.Mutex
	want  int
	found int
}

func (l *lineCounter) seen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.want == 1 {
		return nil
	}
	return fmt.Errorf("%d of %d such lines came", l.found, l.want)
}

func (l *lineCounter) stream() *lineStream { return &lineStream{of: l} }

// lineStream takes a stream apart. A line need not be complete to count: a prompt never is.
type lineStream struct {
	of      *lineCounter
	line    []byte
	counted bool // the present line
}

func (s *lineStream) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		part := p
		if end >= 0 {
			part = p[:end]
		}
		s.line = append(s.line, part...)
		p = p[len(part):]
		if !s.counted && s.of.match(s.line) {
			s.counted = true
			if s.of.count() {
				return n, errFound
			}
		}
		if end >= 0 {
			s.line, s.counted, p = s.line[:0], false, p[1:]
		}
	}
	return n, nil
}

// count says whether that is enough.
func (l *lineCounter) count() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found++
	return l.found >= l.want
}
