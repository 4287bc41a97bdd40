package dockerfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/caisson-dev/caisson/internal/api"
)

// Verbs makes the plan of a build without a Dockerfile. Its steps are those of a Dockerfile with the same instructions, and so
// are their keys.
//
// Errors: api.ErrInvalidArgument for a verb that is not valid, and for a name; those of Options.Base.
func Verbs(ctx context.Context, from string, list []api.BuildVerb, opts Options) (*Plan, error) {
	opts.Name = "" // there is no file that errors could name
	f := &file{Options: &opts, expand: &expander{lex: shell.NewLex(parser.DefaultEscapeToken), left: maxExpanded}, global: &vars{}, plan: &Plan{InFile: 1}}
	f.lint = &lint{Linter: linter.New(&linter.Config{})}
	if len(list) > maxInstructions {
		return nil, api.Errorf(api.ErrInvalidArgument, "build: %d verbs: an image has at most %d", len(list), maxInstructions)
	}
	platform, err := opts.target()
	if err != nil {
		return nil, err
	}
	st := &stage{Stage: &instructions.Stage{}, from: from}
	f.stages = []*stage{st}
	out := &Stage{Text: "FROM " + from, Platform: platform}
	r := &reader{planner: &planner{file: f, platform: platform, goal: st}, st: st, out: out, state: &state{}}
	if err := r.begin(ctx); err != nil {
		return nil, verbError("FROM", err)
	}
	for _, v := range list {
		if err := r.verb(ctx, v); err != nil {
			return nil, verbError(verbText(v), err)
		}
	}
	if err := r.end(ctx); err != nil {
		return nil, verbError("LABEL", err)
	}
	st.planned, st.end = out, r.state
	f.plan.Stages, f.plan.Target = []*Stage{out}, out
	return f.plan, nil
}

// verbError says which verb is wrong. An error of the one who finds images says so by itself.
func verbError(verb string, err error) error {
	var a asked
	if errors.As(err, &a) {
		return err
	}
	return api.Errorf(api.ErrInvalidArgument, "build: %s: %s", short(verb), short(reword(err.Error())))
}

// verb plans a verb, whose words are taken as they are.
func (r *reader) verb(ctx context.Context, v api.BuildVerb) error {
	if err := ctx.Err(); err != nil {
		return asked{err}
	}
	r.check = r.lint.Linter
	c, err := instructions.ParseCommand(nodeOf(v))
	if err != nil {
		return err
	}
	step := &Step{Text: verbText(v)}
	if err := r.dispatch(ctx, step, c); err != nil {
		return err
	}
	r.add(step)
	return nil
}

// nodeOf is what the parser would make of a verb.
func nodeOf(v api.BuildVerb) *parser.Node {
	n := &parser.Node{Value: strings.ToLower(v.Name), Original: verbText(v), Flags: v.Flags, Attributes: map[string]bool{"json": v.List}}
	at := n
	for _, a := range v.Args {
		at.Next = &parser.Node{Value: a}
		at = at.Next
	}
	return n
}

// verbText is a verb for people, as a Dockerfile has it.
func verbText(v api.BuildVerb) string {
	parts := []string{v.Name}
	for _, f := range v.Flags {
		if !strings.HasPrefix(f, "--from="+api.BuilderFiles) {
			parts = append(parts, f)
		}
	}
	switch v.Name {
	case "ENV", "LABEL":
		if len(v.Args) == 3 {
			return fmt.Sprintf("%s %s=%s", v.Name, v.Args[0], v.Args[1])
		}
	case "CMD", "ENTRYPOINT":
		b, err := json.Marshal(v.Args)
		if err == nil {
			return v.Name + " " + string(b)
		}
	}
	return strings.Join(append(parts, v.Args...), " ")
}
