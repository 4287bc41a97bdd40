package dockerfile

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// file is a parsed Dockerfile.
type file struct {
	*Options
	stages []*stage
	meta   []instructions.ArgCommand
	expand *expander
	lint   *lint
	global *vars // of ARG before FROM, and of the platforms
	plan   *Plan
}

// parse reads the text and checks what can be wrong before anything is known of images.
func parse(text []byte, opts *Options) (*file, error) {
	if len(text) > MaxSize {
		return nil, opts.wrong(1, "the file has %d bytes: a Dockerfile has at most %d", len(text), MaxSize)
	}
	tree, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return nil, opts.syntax(text, err)
	}
	if err := opts.check(tree.AST.Children); err != nil {
		return nil, err
	}
	f := &file{Options: opts, expand: &expander{lex: shell.NewLex(tree.EscapeToken), left: maxExpanded}, plan: &Plan{}}
	if f.lint, err = newLint(text, f.plan); err != nil {
		return nil, opts.at(err, 1)
	}
	f.lint.parsed(tree.Warnings)
	read, meta, err := instructions.Parse(tree.AST, f.lint.Linter)
	if err != nil {
		return nil, opts.at(err, 1)
	}
	f.meta = meta
	for i := range read {
		f.stages = append(f.stages, &stage{Stage: &read[i], index: i, line: line(read[i].Location)})
	}
	f.lint.file(read)
	return f, nil
}

func line(where []parser.Range) int {
	if len(where) == 0 {
		return 0
	}
	return where[0].Start.Line
}

// lastLine is where a place ends that has several lines.
func lastLine(where []parser.Range) int {
	last := 0
	for _, r := range where {
		last = max(last, r.Start.Line, r.End.Line)
	}
	return last
}

// syntax is an error of the parser.
func (o *Options) syntax(text []byte, err error) error {
	if strings.Contains(err.Error(), "file with no instructions") {
		return o.wrong(1, "the file has no instructions: begin with FROM")
	}
	at := max(lineOf(err), 1)
	if text := err.Error(); strings.Contains(text, "parser directive") || strings.Contains(text, "escape token") {
		return o.wrong(lineOf(err)+1, "%s", text) // the parser counts the lines before
	}
	if strings.Contains(err.Error(), "unterminated heredoc") {
		return o.wrong(at, "%s: unterminated heredoc: no line has this alone", delimiter(text, at))
	}
	return o.at(relocate(err, errorLine(text, at, err)), at)
}

// delimiter is the name of the first here-document that begins on a line or the next ones.
func delimiter(text []byte, from int) string {
	lines := bytes.SplitAfter(text, []byte("\n"))
	rest := bytes.Join(lines[min(from-1, len(lines)):], nil)
	_, rest, _ = bytes.Cut(rest, []byte("<<"))
	name := strings.TrimLeft(string(rest), "-\"' \t")
	if i := strings.IndexFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r == '"' || r == '\'' }); i >= 0 {
		name = name[:i]
	}
	return short(name)
}

// relocate gives an error another line.
func relocate(err error, at int) error {
	return parser.SetLocation(err, []parser.Range{{Start: parser.Position{Line: at}}})
}

// errorLine finds the line of a syntax error in an instruction of several lines, of which the parser tells the first: it is
// where the shortest beginning of the instruction ends that is wrong in the same way.
func errorLine(text []byte, from int, err error) int {
	var directive []byte
	if escape, _, _, ok := parser.ParseDirective("escape", text); ok && from > 1 { // else it is in the lines themselves
		directive = []byte("# escape=" + escape + "\n")
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	const most = 200 // of an instruction; each is parsed again and again
	for n := from; n < min(from+most, len(lines)); n++ {
		_, cut := parser.Parse(io.MultiReader(bytes.NewReader(directive), bytes.NewReader(bytes.Join(lines[from-1:n], nil))))
		if cut != nil && cut.Error() == err.Error() {
			return n
		}
	}
	return from
}

// check finds what BuildKit would tell of without a remedy.
func (o *Options) check(nodes []*parser.Node) error {
	if len(nodes) > maxInstructions {
		return o.wrong(nodes[maxInstructions].StartLine, "the file has %d instructions: a Dockerfile has at most %d", len(nodes), maxInstructions)
	}
	begun := false
	for _, n := range nodes {
		word := strings.ToLower(n.Value)
		if _, ok := command.Commands[word]; !ok {
			return o.wrong(n.StartLine, "unknown instruction %s%s", short(strings.ToUpper(n.Value)), suggest(n.Value, instructionNames()))
		}
		switch {
		case word == command.From:
			begun = true
		case !begun && word != command.Arg:
			return o.wrong(n.StartLine, "%s before FROM: only ARG may stand there", strings.ToUpper(n.Value))
		}
		if err := o.checkNode(word, n); err != nil {
			return err
		}
	}
	if !begun {
		return o.wrong(nodes[len(nodes)-1].EndLine, "no FROM instruction: begin with FROM")
	}
	return nil
}

func (o *Options) checkNode(word string, n *parser.Node) error {
	name := strings.ToUpper(word)
	args := count(n)
	needs := word != command.Cmd && word != command.Entrypoint
	switch {
	case needs && (n.Next == nil || n.Next.Value == "" && n.Next.Next == nil && len(n.Next.Children) == 0) && len(n.Heredocs) == 0:
		return o.wrong(n.StartLine, "%s requires an argument", name)
	case (word == command.Copy || word == command.Add) && args < 2 && len(n.Heredocs) == 0:
		return o.wrong(n.StartLine, "%s requires at least two arguments, the last the destination", name)
	case word == command.From && args != 1 && (args != 3 || !strings.EqualFold(n.Next.Next.Value, "as")):
		return o.wrong(n.StartLine, "FROM takes an image, or an image followed by AS and a name")
	case word == command.Run:
		return o.checkFlags(n)
	}
	return nil
}

// checkFlags tells of arguments where none are replaced.
func (o *Options) checkFlags(n *parser.Node) error {
	for _, f := range n.Flags {
		mount, ok := strings.CutPrefix(f, "--mount=")
		if !ok {
			continue
		}
		i := slices.IndexFunc(strings.Split(mount, ","), func(s string) bool { return strings.HasPrefix(s, "from=") && strings.Contains(s, "$") })
		if i < 0 {
			continue
		}
		from := strings.TrimPrefix(strings.Split(mount, ",")[i], "from=")
		return o.wrong(n.StartLine, "RUN --mount=from=%s: arguments are not replaced there: add a stage FROM %s and mount from that stage", from, from)
	}
	return nil
}

func count(n *parser.Node) int {
	c := 0
	for n = n.Next; n != nil; n = n.Next {
		c++
	}
	return c
}
