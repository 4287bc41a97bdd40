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
	w := waitLog(fmt.Sprintf("log line with %q", text), func(line []byte, _ bool) bool { return bytes.Contains(line, []byte(text)) })
	if text == "" {
		w.err = errors.New("the text is empty")
	}
	return w
}

// WaitLogMatch is WaitLog with a regular expression (package regexp). It sees a line without its line feed and a carriage
// return before that, so that $ is the line's end. An unfinished line is matched already if more text can't change the
// result. An expression that ends in $ waits for the line feed.
func WaitLogMatch(expr string) Wait {
	re, err := regexp.Compile(expr)
	w := waitLog(fmt.Sprintf("log line that matches %q", expr), func(line []byte, finished bool) bool { return matches(re, line, finished) })
	w.err = err
	return w
}

// matches says whether a line matches: one that is not finished has to without its end being one.
func matches(re *regexp.Regexp, line []byte, finished bool) bool {
	return re.Match(line) && (finished || re.Match(append(line[:len(line):len(line)], 0)))
}

// waitLog follows the log, which ends with the container's process: a line that comes just before counts too.
func waitLog(what string, match func(line []byte, finished bool) bool) Wait {
	return Wait{what: what, hold: func(ctx context.Context, p *probe) error {
		lines := &lineCounter{match: match, want: max(p.wait.times, 1)}
		out, errs := lines.stream(), lines.stream()
		err := p.Logs(ctx, container.LogsOptions{Follow: true, Since: p.begun(), Stdout: out, Stderr: errs})
		if err == nil && (out.finish() || errs.finish()) {
			return nil
		}
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
	match func(line []byte, finished bool) bool
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

// lineStream takes a stream apart. A line need not be finished to count: a prompt never is.
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
		if s.look(end >= 0) {
			return n, errFound
		}
		if end >= 0 {
			s.line, s.counted, p = s.line[:0], false, p[1:]
		}
	}
	return n, nil
}

// look counts the present line if it matches, and says whether that is enough.
func (s *lineStream) look(finished bool) bool {
	line := s.line
	if finished {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	if s.counted || !s.of.match(line, finished) {
		return false
	}
	s.counted = true
	return s.of.count()
}

// finish looks at a last line that no line feed ends.
func (s *lineStream) finish() bool { return len(s.line) > 0 && s.look(true) }

// count says whether that is enough.
func (l *lineCounter) count() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found++
	return l.found >= l.want
}
