//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
)

// walkFile is a file of testdata/walk. A command line begins with $; behind it come what it reads (<) and the name under
// which its output is kept for the lines behind (=NAME), then docker's answer: lines of standard output (>) and of
// standard error (!), and the exit code (?) if it is not 0. Behind ~ and a reason comes this program's answer in the same
// form, where it is another. Other lines are comments.
type walkFile struct {
	name  string
	steps []walkStep
	tail  []string
}

type walkStep struct {
	line           int
	before         []string // comments
	command, stdin string
	save           string
	docker         answer
	reason         string
	ours           *answer
}

func readWalk(file string) (*walkFile, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	w := &walkFile{name: file}
	var comments []string
	for i, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			w.steps = append(w.steps, walkStep{line: i + 1, before: comments, command: command})
			comments = nil
			continue
		}
		if line == "" || !strings.Contains("<=>!?~", line[:1]) || len(w.steps) == 0 {
			comments = append(comments, line)
			continue
		}
		if err := w.steps[len(w.steps)-1].add(line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
	}
	w.tail = comments
	return w, nil
}

// add reads a line that belongs to a command line.
func (s *walkStep) add(line string) error {
	a := &s.docker
	if s.ours != nil {
		a = s.ours
	}
	text := strings.TrimPrefix(line[1:], " ")
	switch line[0] {
	case '<':
		s.stdin += text + "\n"
	case '=':
		s.save = text
	case '>':
		a.out = joinLine(a.out, text)
	case '!':
		a.err = joinLine(a.err, text)
	case '?':
		if _, err := fmt.Sscan(text, &a.code); err != nil {
			return fmt.Errorf("exit code %q: %w", text, err)
		}
	case '~':
		s.reason, s.ours = text, &answer{}
	}
	return nil
}

func joinLine(text, line string) string {
	if text == "" {
		return line
	}
	return text + "\n" + line
}

func (w *walkFile) write() error {
	var b strings.Builder
	for _, s := range w.steps {
		for _, c := range s.before {
			b.WriteString(c + "\n")
		}
		b.WriteString("$ " + s.command + "\n")
		if s.stdin != "" {
			writeLines(&b, "<", strings.TrimSuffix(s.stdin, "\n"))
		}
		if s.save != "" {
			b.WriteString("= " + s.save + "\n")
		}
		s.docker.write(&b)
		if s.ours != nil {
			b.WriteString(strings.TrimSpace("~ "+s.reason) + "\n")
			s.ours.write(&b)
		}
	}
	for _, c := range w.tail {
		b.WriteString(c + "\n")
	}
	return os.WriteFile(w.name, []byte(b.String()), 0o644)
}

func (a *answer) write(b *strings.Builder) {
	writeLines(b, ">", a.out)
	writeLines(b, "!", a.err)
	if a.code != 0 {
		fmt.Fprintf(b, "? %d\n", a.code)
	}
}

func writeLines(b *strings.Builder, mark, text string) {
	if text == "" {
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(strings.TrimRight(mark+" "+line, " ") + "\n")
	}
}

// differences lists the command lines that are answered otherwise here, by the reason.
func differences(steps []walkStep) string {
	var reasons []string
	lines := map[string][]string{}
	n := 0
	for _, s := range steps {
		if s.ours == nil {
			continue
		}
		n++
		if lines[s.reason] == nil {
			reasons = append(reasons, s.reason)
		}
		lines[s.reason] = append(lines[s.reason], s.command)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# Differences from docker 20.10\n\nOf %d command lines %d are answered otherwise. Both answers stand in the files beside this one; the test makes this\nlist and checks that each still differs.\n", len(steps), n)
	for _, r := range reasons {
		fmt.Fprintf(&b, "\n- %s\n", r)
		for _, l := range lines[r] {
			fmt.Fprintf(&b, "  - `%s`\n", l)
		}
	}
	return b.String()
}
