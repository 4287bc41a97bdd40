//go:build linux

package image_test

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// buildCase is a Dockerfile, what it is built with, and what must come of it. testdata/dockerfiles/README.md has the form.
type buildCase struct {
	name     string
	settings map[string][]string // by key: source, arg, target, …
	sections []section
}

// section is a part of a case: words is its headline, split.
type section struct {
	words []string
	text  string
}

// kinds of sections that are not files of the context.
var kinds = []string{"Dockerfile", "image", "http", "in", "secret", "tree", "config", "history", "output", "error"}

// keys of settings.
var keys = []string{"source", "beyond", "fails", "crashes", "needs", "arg", "label", "target", "platform", "file", "context", "network", "squash", "user"}

var headline = regexp.MustCompile(`^-- (.+) --$`)

// caseFiles go with the test binary: ordinary users run it elsewhere.
//
//go:embed testdata/dockerfiles/*.txt
var caseFiles embed.FS

// readCases reads all cases.
func readCases() ([]buildCase, error) {
	files, err := fs.Glob(caseFiles, "testdata/dockerfiles/*.txt")
	if err != nil {
		return nil, err
	}
	var all []buildCase
	for _, file := range files {
		b, err := caseFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		cases, err := parseCases(strings.TrimSuffix(path.Base(file), ".txt"), string(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		all = append(all, cases...)
	}
	return all, nil
}

// parseCases reads the cases of one file, whose name begins theirs.
func parseCases(file, text string) ([]buildCase, error) {
	var all []buildCase
	var c *buildCase
	var s *section
	for line := range strings.Lines(text) {
		bare := strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(bare, "=== "); ok {
			all = append(all, buildCase{name: file + "/" + name, settings: map[string][]string{}})
			c, s = &all[len(all)-1], nil
			continue
		}
		if c == nil {
			if bare != "" && bare[0] != '#' {
				return nil, fmt.Errorf("%q stands before the first case", bare)
			}
			continue
		}
		if m := headline.FindStringSubmatch(bare); m != nil {
			c.sections = append(c.sections, section{words: strings.Fields(m[1])})
			s = &c.sections[len(c.sections)-1]
			continue
		}
		if s != nil {
			s.text += line
			continue
		}
		key, value, _ := strings.Cut(bare, ": ")
		if !slices.Contains(keys, key) {
			return nil, fmt.Errorf("%s: unknown setting %q", c.name, bare)
		}
		c.settings[key] = append(c.settings[key], value)
	}
	for _, c := range all {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return all, nil
}

// check says what a case lacks.
func (c *buildCase) check() error {
	if c.setting("source") == "" {
		return fmt.Errorf("no source: say where the values are from")
	}
	for _, kind := range []string{"tree", "config", "history", "output", "error"} {
		if c.of(kind) != nil {
			return nil
		}
	}
	return fmt.Errorf("it wants nothing: give it a tree, config, history, output or error")
}

func (c *buildCase) setting(key string) string { return strings.Join(c.settings[key], "\n") }

// pairs are the settings of a key that are written NAME=VALUE.
func (c *buildCase) pairs(key string) map[string]string {
	m := map[string]string{}
	for _, s := range c.settings[key] {
		k, v, _ := strings.Cut(s, "=")
		m[k] = v
	}
	return m
}

// of returns the first section of a kind.
func (c *buildCase) of(kind string) *section {
	for i := range c.sections {
		if c.sections[i].words[0] == kind {
			return &c.sections[i]
		}
	}
	return nil
}

// all returns the sections of a kind.
func (c *buildCase) all(kind string) (of []section) {
	for _, s := range c.sections {
		if s.words[0] == kind {
			of = append(of, s)
		}
	}
	return of
}

// wanted are the lines of a section that says what must come.
func (s *section) wanted() (lines []string) {
	for line := range strings.Lines(s.text) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// files are the sections that are files of the context; in returns those of a named one.
func (c *buildCase) files() (of []section) {
	for _, s := range c.sections {
		if !slices.Contains(kinds, s.words[0]) {
			of = append(of, s)
		}
	}
	return of
}

func (c *buildCase) in() map[string][]section {
	named := map[string][]section{}
	for _, s := range c.all("in") {
		named[s.words[1]] = append(named[s.words[1]], section{words: s.words[2:], text: s.text})
	}
	return named
}

// asFile is a section without the word of its kind.
func (s section) asFile() *section { return &section{words: s.words[1:], text: s.text} }

var notInPaths = regexp.MustCompile(`[^a-z0-9]+`)

// path is where the server has the case's files.
func (c *buildCase) path() string { return "/" + notInPaths.ReplaceAllString(c.name, "-") }
