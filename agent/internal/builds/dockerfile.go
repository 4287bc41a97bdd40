//go:build linux

package builds

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/containerd/platforms"
	"github.com/openshift/imagebuilder"
	"github.com/openshift/imagebuilder/dockerfile/command"
	"github.com/openshift/imagebuilder/dockerfile/parser"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// dockerfile is a parsed Dockerfile, and what a build of it needs.
type dockerfile struct {
	name   string
	nodes  []*parser.Node
	stages []*stage
	bases  []*base // images to have in the store
	edits  []edit

	contexts []*named
}

// stage is what is between a FROM and the next.
type stage struct {
	name     string // of AS
	from     string // with arguments replaced
	platform string // of FROM, with arguments replaced
	needs    []string
	first    *parser.Node   // FROM
	nodes    []*parser.Node // what follows
}

// parseDockerfile checks the syntax and finds the base images that target needs.
func parseDockerfile(name string, text []byte, req *Request) (*dockerfile, error) {
	root, err := imagebuilder.ParseDockerfile(bytes.NewReader(text))
	if err != nil {
		return nil, syntax(name, errorLine(text), "%w", err)
	}
	d := &dockerfile{name: name, nodes: root.Children}
	if d.contexts, err = req.namedContexts(); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	if err := d.readStages(req.Args, req.Platform); err != nil {
		return nil, err
	}
	d.setAliases()
	d.findBases(req.Target)
	return d, nil
}

func syntax(name string, line int, format string, args ...any) error {
	return api.Errorf(api.ErrDockerfile, "%s:%d: "+format, append([]any{name, line}, args...)...)
}

// errorLine finds the line of a syntax error, which the parser does not tell: it is where the shortest beginning of
// the text ends that is wrong and stays so however it goes on.
func errorLine(text []byte) int {
	lines := bytes.SplitAfter(text, []byte("\n"))
	n := len(lines)
	for n > 1 {
		if _, err := imagebuilder.ParseDockerfile(bytes.NewReader(bytes.Join(lines[:n-1], nil))); err == nil {
			break
		}
		n--
	}
	return n
}

// check finds what the parser lets through.
func (d *dockerfile) check() error {
	if len(d.nodes) == 0 {
		return syntax(d.name, 1, "the file has no instructions: begin with FROM")
	}
	begun := false
	for _, n := range d.nodes {
		word := strings.ToLower(n.Value)
		if _, ok := command.Commands[word]; !ok {
			return syntax(d.name, n.StartLine, "unknown instruction %s%s", strings.ToUpper(n.Value), suggest(word))
		}
		switch {
		case word == command.From:
			begun = true
		case !begun && word != command.Arg:
			return syntax(d.name, n.StartLine, "%s before FROM: only ARG may stand there", strings.ToUpper(n.Value))
		}
		if needsArgument(word) && (n.Next == nil || n.Next.Value == "" && len(n.Next.Children) == 0) && len(n.Heredocs) == 0 {
			return syntax(d.name, n.StartLine, "%s requires an argument", strings.ToUpper(n.Value))
		}
		if (word == command.Copy || word == command.Add) && count(n) < 2 && len(n.Heredocs) == 0 {
			return syntax(d.name, n.StartLine, "%s requires at least two arguments, the last the destination", strings.ToUpper(n.Value))
		}
	}
	if !begun {
		return syntax(d.name, d.nodes[len(d.nodes)-1].EndLine, "no FROM instruction: begin with FROM")
	}
	return nil
}

func needsArgument(word string) bool { return word != command.Cmd && word != command.Entrypoint }

func count(n *parser.Node) int {
	c := 0
	for n = n.Next; n != nil; n = n.Next {
		c++
	}
	return c
}

// suggest names the instruction that a typo is nearest to.
func suggest(word string) string {
	for _, c := range slices.Sorted(maps.Keys(command.Commands)) {
		if distance(word, c) <= 1 || distance(word, c) == 2 && len(word) > 4 {
			return ": is it " + strings.ToUpper(c) + "?"
		}
	}
	return ""
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			prev, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, prev+cost)
		}
	}
	return row[len(b)]
}

// readStages splits the file and replaces the arguments of FROM.
func (d *dockerfile) readStages(args map[string]string, platform string) error {
	env := platformArgs(args, platform) // and of ARGs before the first FROM
	for _, n := range d.nodes {
		word := strings.ToLower(n.Value)
		switch {
		case word == command.Arg && len(d.stages) == 0:
			env = append(argument(n, args, env), env...) // what comes first counts
		case word == command.From:
			st, err := d.readFrom(n, env)
			if err != nil {
				return err
			}
			d.stages = append(d.stages, st)
		case len(d.stages) > 0:
			if err := d.rewrite(n); err != nil {
				return err
			}
			last := d.stages[len(d.stages)-1]
			for _, ref := range sources(n) {
				if _, err := strconv.Atoi(ref); err == nil && d.find(ref, len(d.stages)-1) < 0 {
					return syntax(d.name, n.StartLine, "%s copies from stage %s, which is not an earlier stage: stages are numbered from 0", strings.ToUpper(word), ref)
				}
			}
			last.nodes = append(last.nodes, n)
			last.needs = append(last.needs, sources(n)...)
		}
	}
	return nil
}

func (d *dockerfile) readFrom(n *parser.Node, env []string) (*stage, error) {
	from, err := imagebuilder.ProcessWord(n.Next.Value, env)
	if err != nil {
		return nil, syntax(d.name, n.StartLine, "FROM: %w", err)
	}
	if from == "" {
		return nil, syntax(d.name, n.StartLine, "FROM %s: the name is empty once its arguments are replaced: give the argument a default or a value", n.Next.Value)
	}
	if err := d.checkFrom(n, from, env); err != nil {
		return nil, err
	}
	st := &stage{from: from, first: n}
	for _, f := range n.Flags {
		if v, ok := strings.CutPrefix(f, "--platform="); ok {
			if st.platform, err = imagebuilder.ProcessWord(v, env); err != nil {
				return nil, syntax(d.name, n.StartLine, "FROM: %w", err)
			}
			p, err := platforms.Parse(st.platform) // amd64 alone is one, too
			if err != nil {
				return nil, syntax(d.name, n.StartLine, "FROM --platform=%s: %q is not a valid platform: write it like linux/arm64 or $BUILDPLATFORM", v, st.platform)
			}
			st.platform = platforms.Format(p)
		}
	}
	if as := n.Next.Next; as != nil {
		if !strings.EqualFold(as.Value, "as") || as.Next == nil || as.Next.Next != nil {
			return nil, syntax(d.name, n.StartLine, "FROM takes an image, or an image followed by AS and a name")
		}
		st.name = strings.ToLower(as.Next.Value)
	}
	return st, nil
}

// checkFrom checks the name that FROM has once its arguments are replaced.
func (d *dockerfile) checkFrom(n *parser.Node, from string, env []string) error {
	if d.find(from, len(d.stages)) >= 0 || d.context(from, len(d.stages)) != nil || from == "scratch" || strings.Contains(from, "$") {
		return nil
	}
	_, err := images.Normalize(from)
	if err == nil || imageID().MatchString(from) {
		return nil
	}
	var unset []string
	for _, m := range variable().FindAllStringSubmatch(n.Next.Value, -1) {
		if !slices.ContainsFunc(env, func(kv string) bool { return strings.HasPrefix(kv, m[1]+"=") }) {
			unset = append(unset, m[1])
		}
	}
	if len(unset) > 0 {
		return syntax(d.name, n.StartLine, "FROM %s: %w: these arguments have no value: %s: set them with ARG before FROM or as build arguments", n.Next.Value, err, strings.Join(unset, ", "))
	}
	return syntax(d.name, n.StartLine, "FROM %s: %w", n.Next.Value, err)
}

var (
	variable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\$\{?(\w+)`) })
	imageID  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(sha256:)?[0-9a-f]+$`) })
)

// argument is what an ARG before FROM sets.
func argument(n *parser.Node, args map[string]string, env []string) []string {
	var out []string
	for a := n.Next; a != nil; a = a.Next {
		k, v, valued := strings.Cut(a.Value, "=")
		if given, ok := args[k]; ok {
			v = given
		} else if !valued {
			continue // it may be one of the platform's
		} else if w, err := imagebuilder.ProcessWord(v, append(out, env...)); err == nil {
			v = w
		}
		out = append([]string{k + "=" + v}, out...)
	}
	return out
}

// sources are the images or stages that an instruction takes files from.
func sources(n *parser.Node) []string {
	var out []string
	for _, f := range n.Flags {
		switch strings.ToLower(n.Value) {
		case command.Copy, command.Add:
			if v, ok := strings.CutPrefix(f, "--from="); ok {
				out = append(out, v)
			}
		case command.Run:
			v, ok := strings.CutPrefix(f, "--mount=")
			if !ok {
				continue
			}
			for _, o := range strings.Split(v, ",") {
				if from, ok := strings.CutPrefix(o, "from="); ok {
					out = append(out, from)
				}
			}
		}
	}
	return out
}

// find returns the index of the stage that name means in stages before index limit, or -1: then it is an image.
func (d *dockerfile) find(name string, limit int) int {
	for i := limit - 1; i >= 0; i-- {
		if d.stages[i].name != "" && d.stages[i].name == strings.ToLower(name) {
			return i
		}
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < limit {
		return i
	}
	return -1
}

// takesFromImages is whether a stage takes files from an image that is not a stage. imagebuildah keeps those in a map that
// stages must not use at the same time.
func (d *dockerfile) takesFromImages() bool {
	for i, s := range d.stages {
		if slices.ContainsFunc(s.needs, func(ref string) bool {
			if c := d.context(ref, i); c != nil {
				return c.image != ""
			}
			return d.find(ref, i) < 0
		}) {
			return true
		}
	}
	return false
}

func (d *dockerfile) hasStage(name string) bool { return d.find(name, len(d.stages)) >= 0 }

func (d *dockerfile) stageNames() string {
	var out []string
	for i, s := range d.stages {
		if s.name == "" {
			out = append(out, strconv.Itoa(i))
		} else {
			out = append(out, s.name)
		}
	}
	return strings.Join(out, ", ")
}

// locate names the stage of a step and finds its line, or 0: the base's ONBUILD puts steps before those of the file,
// and labels of the options follow them.
func (d *dockerfile) locate(ev image.BuildEvent) (stage string, line int) {
	if ev.Stage > len(d.stages) {
		return "", 0
	}
	st := d.stages[ev.Stage-1]
	if ev.Step == 1 {
		return st.name, st.first.StartLine
	}
	for before := max(0, ev.Steps-1-len(st.nodes)); before >= 0; before-- {
		i := ev.Step - 2 - before
		if i >= 0 && i < len(st.nodes) && sameInstruction(ev.Instruction, st.nodes[i].Original) {
			return st.name, st.nodes[i].StartLine
		}
	}
	return st.name, 0
}

// sameInstruction compares what imagebuildah prints of a step, in which a summary of heredocs may follow, with its text.
func sameInstruction(printed, text string) bool {
	p, t := words(printed), words(text)
	return p == t || len(t) > 8 && strings.HasPrefix(p, t) || len(p) > 8 && strings.HasPrefix(t, p)
}

// words makes the exec form, the shell form and their spellings comparable.
func words(instruction string) string {
	return strings.ToLower(strings.Join(strings.Fields(execForm.Replace(instruction)), " "))
}

var execForm = strings.NewReplacer("[", " ", "]", " ", `"`, " ", ",", " ")
