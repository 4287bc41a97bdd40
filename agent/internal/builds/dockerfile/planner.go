package dockerfile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/internal/api"
)

// planner plans the stages that the target needs, each once.
type planner struct {
	*file
	platform ocispec.Platform
	goal     *stage
}

// target finds the stage to build.
func (f *file) target() (*stage, error) {
	last := f.stages[len(f.stages)-1]
	if f.Target != "" {
		if last = f.find(f.Target, len(f.stages)); last == nil {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: target %q: %s has no such stage; its stages: %s", f.Target, f.Name, f.stageNames())
		}
	}
	if c := f.context(strconv.Itoa(last.index), len(f.stages)); c != nil {
		return nil, api.Errorf(api.ErrInvalidArgument, "build: the stage to build has the same name as the context %s, which replaces it: rename one of them", c.Name)
	}
	return last, nil
}

// fresh says whether a stage takes nothing of earlier builds.
func (f *file) fresh(st *stage) bool {
	return slices.ContainsFunc(f.Fresh, func(name string) bool { return name != "" && strings.EqualFold(name, st.Name) })
}

// checkFresh tells of names that no stage has.
func (f *file) checkFresh() error {
	for _, name := range f.Fresh {
		if name == "" || !slices.ContainsFunc(f.stages, func(st *stage) bool { return strings.EqualFold(st.Name, name) }) {
			return api.Errorf(api.ErrInvalidArgument, "build: BuildOptions.Cache.DisableStages %q: %s has no stage of that name; its stages: %s", name, f.Name, f.stageNames())
		}
	}
	return nil
}

func (f *file) stageNames() string {
	var out []string
	for _, st := range f.stages {
		if st.Name == "" {
			out = append(out, strconv.Itoa(st.index))
		} else {
			out = append(out, st.Name)
		}
	}
	return strings.Join(out, ", ")
}

func sorted(list []string) string {
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// stage plans st, and what it needs first.
func (p *planner) stage(ctx context.Context, st *stage) (*Stage, error) {
	if st.planned != nil {
		return st.planned, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := &Stage{Index: st.index, Name: st.Name, Line: st.line, Text: fromText(st), Platform: p.platform, Fresh: p.fresh(st)}
	r := &reader{planner: p, st: st, out: out, state: &state{}}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	triggers, err := r.onbuild()
	if err != nil {
		return nil, err
	}
	for _, c := range triggers {
		if err := r.step(ctx, c, true); err != nil {
			return nil, err
		}
	}
	out.OnBuild = len(triggers)
	for _, c := range st.Commands {
		if err := r.step(ctx, c, false); err != nil {
			return nil, err
		}
	}
	if err := r.end(ctx); err != nil {
		return nil, err
	}
	st.planned, st.end = out, r.state
	p.plan.Stages = append(p.plan.Stages, out)
	return out, nil
}

// fromText is FROM with its arguments replaced.
func fromText(st *stage) string {
	out := "FROM "
	if st.platform != nil {
		out += "--platform=" + platforms.Format(*st.platform) + " "
	}
	out += st.from
	if words := strings.Fields(st.SourceCode); st.Name != "" && len(words) > 0 {
		out += " AS " + words[len(words)-1]
	}
	return out
}

// reader goes through a stage.
type reader struct {
	*planner
	st    *stage
	out   *Stage
	state *state
	check *linter.Linter // of the present instruction
	byOn  bool           // it is an ONBUILD's
	line  int            // of it, for errors
}

// begin sets what the stage begins with.
func (r *reader) begin(ctx context.Context) error {
	r.line, r.check = r.st.line, r.lint.Linter
	if r.st.from == scratch && r.context(scratch, 0) == nil {
		r.out.From = Source{Ref: scratch}
		r.state.use(empty(r.platform))
		return nil
	}
	src, err := r.source(ctx, r.st.from, true)
	if err != nil {
		return err
	}
	r.out.From = src
	switch {
	case src.Stage != nil:
		base := r.stages[src.Stage.Index]
		r.state = base.end.child(src.Stage.Image)
		r.out.Platform = src.Stage.Platform
	case src.Base != nil:
		img := src.Base.Config
		r.state.use(img)
		r.out.Platform = platformOf(img, r.platform)
		if r.st.platform != nil {
			r.fits(*r.st.platform, img)
		}
	default: // a context's files
		r.state.use(empty(r.platform))
		r.state.did("FROM "+r.st.from, true)
	}
	r.state.image.Config.OnBuild = nil
	return nil
}

func platformOf(img *Image, otherwise ocispec.Platform) ocispec.Platform {
	if img.OS == "" || img.Architecture == "" {
		return otherwise
	}
	return ocispec.Platform{OS: img.OS, Architecture: img.Architecture, Variant: img.Variant, OSVersion: img.OSVersion}
}

func (r *reader) fits(want ocispec.Platform, img *Image) {
	if want.OS != img.OS || want.Architecture != img.Architecture {
		r.check.Run(&linter.RuleInvalidBaseImagePlatform, r.st.Location,
			linter.RuleInvalidBaseImagePlatform.Format(r.st.from, platforms.Format(want), platforms.Format(img.Platform)))
	}
}

// source is what ref means in the present stage: a context, a stage before it or an image.
func (r *reader) source(ctx context.Context, ref string, begins bool) (Source, error) {
	if c := r.context(ref, r.st.index); c != nil {
		if c.Image == "" {
			return Source{Context: c.Name, Ref: ref}, nil
		}
		return r.image(ctx, ref, Need{Ref: c.Image, Context: c.Name, Begins: begins})
	}
	if st := r.find(ref, r.st.index); st != nil {
		planned, err := r.planner.stage(ctx, st)
		if err != nil {
			return Source{}, err
		}
		if !slices.Contains(r.out.Needs, planned) {
			r.out.Needs = append(r.out.Needs, planned)
		}
		return Source{Stage: planned, Ref: ref}, nil
	}
	if !begins {
		if ref == scratch {
			return Source{Ref: ref}, nil
		}
		if st := r.later(ref, r.st.index); st != nil {
			return Source{}, r.wrong(r.line, "stage %s begins on line %d, and not before this stage: move it before", ref, st.line)
		}
	}
	return r.image(ctx, ref, Need{Ref: ref, Begins: begins})
}

func (r *reader) image(ctx context.Context, ref string, need Need) (Source, error) {
	need.Line = r.line
	if need.Platform = r.Platform; need.Begins && r.st.platform != nil {
		need.Platform = platforms.Format(*r.st.platform)
	}
	if r.CheckName != nil {
		if err := r.CheckName(need.Ref); err != nil {
			return Source{}, r.wrong(r.line, "%s: %w", short(ref), err)
		}
	}
	base, err := r.Base(ctx, need)
	if err != nil {
		return Source{}, asked{err}
	}
	return Source{Base: base, Need: need, Ref: ref}, nil
}

// asked is an error of the one who finds images.
type asked struct{ error }

func (a asked) Unwrap() error { return a.error }

// known says whether an error has its place already, or needs none.
func known(err error) bool {
	var a asked
	return errors.Is(err, api.ErrDockerfile) || errors.As(err, &a)
}

// onbuild reads the instructions that the base has for its children.
func (r *reader) onbuild() ([]instructions.Command, error) {
	var triggers []string
	switch from := r.out.From; {
	case from.Stage != nil:
		triggers = from.Stage.Image.Config.OnBuild
	case from.Base != nil:
		triggers = from.Base.Config.Config.OnBuild
	}
	var out []instructions.Command
	for _, text := range triggers {
		tree, err := parser.Parse(strings.NewReader(text))
		if err == nil && len(tree.AST.Children) != 1 {
			err = fmt.Errorf("it must be one instruction")
		}
		if err != nil {
			return nil, r.wrong(r.st.line, "ONBUILD of the base: %s: %s", short(text), short(reword(err.Error())))
		}
		node := tree.AST.Children[0]
		if err := r.checkTrigger(node); err != nil {
			return nil, err
		}
		node.StartLine, node.EndLine = r.st.line, r.st.line
		c, err := instructions.ParseCommand(node)
		if err != nil {
			return nil, r.wrong(r.st.line, "ONBUILD of the base: %s: %s", short(text), short(reword(err.Error())))
		}
		out = append(out, c)
	}
	return out, nil
}

// checkTrigger does the checks of an instruction for one that an image brings: it may come from anywhere.
func (r *reader) checkTrigger(n *parser.Node) error {
	n.StartLine, n.EndLine = r.st.line, r.st.line
	switch strings.ToLower(n.Value) {
	case "onbuild", "from", "maintainer":
		return r.wrong(r.st.line, "ONBUILD of the base: %s is not allowed there", strings.ToUpper(n.Value))
	}
	return r.Options.checkNode(strings.ToLower(n.Value), n)
}
