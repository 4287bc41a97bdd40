package dockerfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
)

// Warning is what BuildKit's linter says of a Dockerfile.
type Warning struct {
	Rule        string // such as StageNameCasing
	Description string // of the rule
	URL         string // of the rule
	Message     string
	Line        int // 0 for one without a place
	LastLine    int // where what begins on Line ends
}

// lint collects warnings. `# check=` says which are left out, and whether there may be any.
type lint struct {
	*linter.Linter
	asError bool
}

// most warnings are told; a hostile file could have a million.
const mostWarnings = 500

func newLint(text []byte, plan *Plan) (*lint, error) {
	config := &linter.Config{}
	if option, _, _, ok := parser.ParseDirective("check", text); ok {
		var err error
		if config, err = linter.ParseLintOptions(option); err != nil {
			return nil, fmt.Errorf("# check=%s: %w: write it like skip=all, skip=RULE,RULE or error=true", short(option), err)
		}
	}
	config.Warn = func(rule, description, url, message string, where []parser.Range) {
		if len(plan.Warnings) < mostWarnings {
			plan.Warnings = append(plan.Warnings, Warning{rule, description, url, short(message), line(where), lastLine(where)})
		}
	}
	return &lint{linter.New(config), config.ReturnAsError}, nil
}

// parsed takes the parser's own warnings.
func (l *lint) parsed(warnings []parser.Warning) {
	for _, w := range warnings {
		if w.URL == linter.RuleNoEmptyContinuation.URL {
			l.Run(&linter.RuleNoEmptyContinuation, []parser.Range{*w.Location}, linter.RuleNoEmptyContinuation.Format())
		}
	}
}

// fails is the error that `# check=error=true` makes of warnings.
func (l *lint) fails(o *Options, warnings []Warning) error {
	if o.Lint || !l.asError || len(*l.CalledRules) == 0 || len(warnings) == 0 {
		return nil
	}
	w := warnings[0]
	return o.wrong(max(w.Line, 1), "%s: %s (the file says # check=error=true; %d warnings in all)", w.Rule, w.Message, len(warnings))
}

// file has what follows from the instructions alone.
func (l *lint) file(stages []instructions.Stage) {
	seen := map[string]bool{}
	for _, s := range stages {
		if s.Name == "" {
			continue
		}
		if s.Name == "context" || s.Name == "scratch" {
			l.Run(&linter.RuleReservedStageName, s.Location, linter.RuleReservedStageName.Format(s.Name))
		}
		if seen[s.Name] {
			l.Run(&linter.RuleDuplicateStageName, s.Location, linter.RuleDuplicateStageName.Format(s.Name))
		}
		seen[s.Name] = true
	}
	l.casing(stages)
}

// casing wants instructions as the most are written.
func (l *lint) casing(stages []instructions.Stage) {
	type word struct {
		text  string
		where []parser.Range
	}
	var words []word
	for _, s := range stages {
		words = append(words, word{s.OrigCmd, s.Location})
		for _, c := range s.Commands {
			words = append(words, word{c.Name(), c.Location()})
		}
	}
	lower, upper := 0, 0
	for _, w := range words {
		switch w.text {
		case strings.ToLower(w.text):
			lower++
		case strings.ToUpper(w.text):
			upper++
		}
	}
	want, change := "uppercase", strings.ToUpper
	if lower > upper {
		want, change = "lowercase", strings.ToLower
	}
	for _, w := range words {
		if change(w.text) != w.text {
			l.Run(&linter.RuleConsistentInstructionCasing, w.where, linter.RuleConsistentInstructionCasing.Format(w.text, want))
		}
	}
}

var (
	secretName = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?i)(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)`)
	})
	publicName = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?i)(?:_|^)(?:public|file|version)(?:_|$)`) })
)

// secretIn tells of a variable that seems to be a secret: it would be in the image.
func (r *reader) secretIn(c instructions.Command, instruction, name string) {
	if secretName().MatchString(name) && !publicName().MatchString(name) {
		r.check.Run(&linter.RuleSecretsUsedInArgOrEnv, c.Location(), linter.RuleSecretsUsedInArgOrEnv.Format(instruction, name))
	}
}

// ignored tells of a source that .dockerignore leaves out. With exceptions in it that can't be told from the name.
func (r *reader) ignored(c instructions.Command, instruction string, sources []string) {
	lines := r.Ignore
	if len(lines) == 0 || slices.ContainsFunc(lines, func(s string) bool { return strings.HasPrefix(s, "!") }) {
		return
	}
	m, err := patternmatcher.New(lines)
	if err != nil {
		return // the one who reads the context tells
	}
	for _, src := range sources {
		if ok, err := m.MatchesOrParentMatches(strings.TrimPrefix(clean(src), "/")); err == nil && ok {
			r.check.Run(&linter.RuleCopyIgnoredFile, c.Location(), linter.RuleCopyIgnoredFile.Format(instruction, src))
		}
	}
}
