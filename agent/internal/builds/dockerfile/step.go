package dockerfile

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// step plans an instruction.
func (r *reader) step(ctx context.Context, c instructions.Command, onbuild bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	step := &Step{Text: text(c), OnBuild: onbuild}
	r.byOn, r.line = onbuild, r.st.line
	if !onbuild {
		r.line = line(c.Location())
		step.Line = r.line
	}
	r.check = r.lint.WithMergedConfigFromComments(c.Comments())
	if err := r.replace(c); err != nil {
		return r.failed(c, err)
	}
	if err := r.dispatch(ctx, step, c); err != nil {
		return r.failed(c, err)
	}
	r.add(step)
	return nil
}

func (r *reader) add(step *Step) {
	if step.Changes() {
		step.Image = r.state.snapshot()
		step.Key = step.key()
	}
	r.out.Steps = append(r.out.Steps, step)
}

// failed gives an error the place and the name of the instruction.
func (r *reader) failed(c instructions.Command, err error) error {
	if known(err) {
		return err
	}
	name := strings.ToUpper(c.Name())
	if r.byOn {
		name = "ONBUILD " + name
	}
	return r.wrong(r.line, "%s: %w", name, err)
}

// replace puts the values of variables in. ARG does it by itself: its default may not be needed.
func (r *reader) replace(c instructions.Command) error {
	if ex, ok := c.(instructions.SupportsSingleWordExpansion); ok {
		if _, isArg := c.(*instructions.ArgCommand); !isArg {
			if err := ex.Expand(func(word string) (string, error) {
				res, err := r.expand.word(word, r.state.env)
				r.lintUnset(c, res.Unmatched)
				return res.Result, err
			}); err != nil {
				return err
			}
		}
	}
	if ex, ok := c.(instructions.SupportsSingleWordExpansionRaw); ok {
		return ex.ExpandRaw(func(text string) (string, error) {
			res, err := r.expand.text(text, r.state.env)
			r.lintUnset(c, res.Unmatched)
			return res.Result, err
		})
	}
	return nil
}

func (r *reader) lintUnset(c instructions.Command, names map[string]struct{}) {
	for name := range names {
		if r.state.declared[name] {
			continue
		}
		match := strings.TrimSuffix(strings.TrimPrefix(suggest(name, r.state.env.Keys()), ": is it "), "?")
		r.check.Run(&linter.RuleUndefinedVar, c.Location(), linter.RuleUndefinedVar.Format(name, match))
	}
}

// dispatch does what an instruction does, as BuildKit's dispatcher of the same name.
func (r *reader) dispatch(ctx context.Context, step *Step, c instructions.Command) (err error) {
	switch c := c.(type) {
	case *instructions.RunCommand:
		step.Run, err = r.run(ctx, c)
	case *instructions.CopyCommand:
		step.Copy, err = r.copyFrom(ctx, c)
	case *instructions.AddCommand:
		step.Copy, err = r.addFrom(c)
	case *instructions.WorkdirCommand:
		step.Dir, err = r.workdir(c)
	case *instructions.ArgCommand:
		err = r.arg(c)
	case *instructions.OnbuildCommand:
		r.onbuildOf(c)
	default:
		err = r.configure(c)
	}
	return err
}

// end takes the options' labels as the last step of the result, and notes what came out.
func (r *reader) end(ctx context.Context) error {
	result := r.st == r.goal
	if result && len(r.Labels) > 0 {
		c := labelCommand(r.Labels)
		r.line = r.st.line
		if err := r.configure(c); err != nil {
			return r.failed(c, err)
		}
		r.add(&Step{Text: text(c)})
	}
	if result && r.Platform != "" {
		same := r.state.image.OS == r.platform.OS && r.state.image.Architecture == r.platform.Architecture
		r.state.image.OS, r.state.image.Architecture = r.platform.OS, r.platform.Architecture
		if r.platform.Variant != "" || !same {
			r.state.image.Variant = r.platform.Variant
		}
	}
	r.out.Image = r.state.snapshot()
	b, err := json.Marshal(r.out.Image)
	if err != nil {
		return r.wrong(r.st.line, "%w", err)
	}
	if len(b) > maxConfig {
		return r.wrong(r.st.line, "the configuration of the stage's image has %d bytes: at most %d are possible", len(b), maxConfig)
	}
	return ctx.Err()
}

// text is an instruction for people, in one line.
func text(c instructions.Command) string {
	s, ok := c.(fmt.Stringer)
	if !ok {
		return strings.ToUpper(c.Name())
	}
	out := strings.TrimSpace(s.String())
	if i := strings.IndexAny(out, " \t"); i > 0 {
		out = strings.ToUpper(out[:i]) + " " + strings.TrimLeft(out[i:], " \t")
	} else {
		out = strings.ToUpper(out)
	}
	run, ok := c.(*instructions.RunCommand)
	if !ok {
		return out
	}
	if !run.PrependShell { // the exec form: its words
		if i := strings.LastIndex(out, jsonOf(out)); i > 0 {
			return out[:i] + strings.Join(run.CmdLine, " ")
		}
	}
	if len(run.Files) > 0 && parser.MustParseHeredoc(strings.Join(run.CmdLine, " ")) != nil {
		out += " (" + firstLine(run.Files[0].Data) + ")"
	}
	return out
}

// jsonOf is the list at the end of an instruction in the exec form.
func jsonOf(text string) string {
	const most = 20 // flags may have brackets, too
	rest := text
	for range most {
		i := strings.IndexByte(rest, '[')
		if i < 0 {
			break
		}
		if rest = rest[i:]; json.Valid([]byte(rest)) {
			return rest
		}
		rest = rest[1:]
	}
	return text
}

func firstLine(text string) string {
	first, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if first = strings.TrimSuffix(first, "\r"); rest != "" {
		first += "..."
	}
	return first
}

// clean is a path from the root.
func clean(p string) string { return path.Join("/", p) }

// absolute is a destination seen from the working directory; its trailing slash or dot counts.
func (s *state) absolute(p string) string {
	if p == "" || p == "." {
		p = "./"
	}
	out := p
	if !path.IsAbs(p) {
		out = path.Join("/", s.image.Config.WorkingDir, p)
	}
	switch {
	case strings.HasSuffix(p, "/") && !strings.HasSuffix(out, "/"):
		out += "/"
	case strings.HasSuffix(p, "/.") && !strings.HasSuffix(out, "/."):
		if out != "/" {
			out += "/"
		}
		out += "."
	}
	return out
}
