package wait

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"sync"
)

// ErrFound: enough lines came.
var ErrFound = errors.New("found")

// Lines counts the lines of several streams that match.
type Lines struct {
	Match func(line []byte, finished bool) bool
	Want  int // lines, of all streams

	mu    sync.Mutex
	found int
}

// Seen tells how many lines came, where more than one is wanted.
func (l *Lines) Seen() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Want == 1 {
		return nil
	}
	return fmt.Errorf("%d of %d such lines came", l.found, l.Want)
}

// Stream is one more stream.
func (l *Lines) Stream() *Stream { return &Stream{of: l} }

// Stream takes a stream apart. A line need not be finished to count: a prompt never is. Write returns ErrFound when
// enough lines came.
type Stream struct {
	of      *Lines
	line    []byte
	counted bool // the present line
}

func (s *Stream) Write(p []byte) (int, error) {
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
			return n, ErrFound
		}
		if end >= 0 {
			s.line, s.counted, p = s.line[:0], false, p[1:]
		}
	}
	return n, nil
}

// look counts the present line if it matches, and says whether that is enough.
func (s *Stream) look(finished bool) bool {
	line := s.line
	if finished {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	if s.counted || !s.of.Match(line, finished) {
		return false
	}
	s.counted = true
	return s.of.count()
}

// Finish looks at a last line that no line feed ends, and says whether it is enough.
func (s *Stream) Finish() bool { return len(s.line) > 0 && s.look(true) }

// count says whether that is enough.
func (l *Lines) count() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found++
	return l.found >= l.Want
}

// Matches says whether a line matches: one that is not finished has to without its end being one.
func Matches(re *regexp.Regexp, line []byte, finished bool) bool {
	return re.Match(line) && (finished || re.Match(append(line[:len(line):len(line)], 0)))
}
