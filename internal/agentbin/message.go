package agentbin

import (
	"errors"
	"strings"

	"github.com/caisson-dev/caisson/internal/version"
)

// Binary is where an agent was found.
type Binary struct {
	Path   string
	How    string
	Linked bool
	Named  bool // by EnvAgent: a development build is accepted
}

// inCache is the place of agents that were downloaded or built.
const inCache = "cache"

// tried is a place where no agent was found.
type tried struct {
	place string
	err   error
}

// NotFoundError says where an agent was looked for, why each place has none, and what to do.
type NotFoundError struct {
	version string
	tried   []tried
}

func (e *NotFoundError) Error() string {
	var b strings.Builder
	b.WriteString("no agent for version " + e.version + ":")
	for _, t := range e.tried {
		b.WriteString("\n  " + t.place + ": " + brief(why(t.err)))
	}
	b.WriteString("\n" + e.Fix())
	return b.String()
}

// Problem is the error in one line for each place, and without the remedy.
func (e *NotFoundError) Problem() string {
	text := e.Error()
	return strings.TrimSuffix(text, "\n"+e.Fix())
}

// Fix is the remedy: of the first place that has one, in the order in which a user has the least to do.
func (e *NotFoundError) Fix() string {
	for _, place := range []string{inCache, FromDownload, FromBuild, FromPath} {
		for _, t := range e.tried {
			var p *problem
			if t.place == place && errors.As(t.err, &p) && p.fix != "" {
				return p.fix
			}
		}
	}
	return "name the binary of an agent in " + EnvAgent
}

// Unwrap returns what was wrong with each place.
func (e *NotFoundError) Unwrap() (all []error) {
	for _, t := range e.tried {
		all = append(all, t.err)
	}
	return all
}

func why(err error) string {
	var p *problem
	if errors.As(err, &p) {
		return p.why
	}
	return err.Error()
}

// Of a place, a message has a few lines, and of each as much as one reads.
const (
	mostLines  = 6
	mostInLine = 160
)

// brief is the end of a text, where tools say what went wrong, below its first line.
func brief(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > mostLines {
		lines = append(lines[:1], lines[len(lines)-mostLines+1:]...)
	}
	for i, l := range lines {
		l = strings.TrimRight(l, " \r")
		if len(l) > mostInLine {
			l = l[:mostInLine] + "…"
		}
		lines[i] = l
	}
	return strings.Join(lines, "\n    ")
}

// Serves returns an error if an agent that says which version it has can't serve a program of another source.
func (b Binary) Serves(src version.Source, got string) error {
	switch {
	case b.Linked || got == src.Version && got != version.Devel:
		return nil
	case b.Named && got == version.Devel && !src.Release:
		return nil // whoever names a development build knows what it was built from
	}
	fix := "remove it, or install the agent of this version"
	if b.Named {
		fix = "unset " + EnvAgent + ", or name an agent of this version"
	}
	return problemf(fix, "agent %s (%s) has version %s, and this program %s", b.Path, b.How, got, src.Version)
}
