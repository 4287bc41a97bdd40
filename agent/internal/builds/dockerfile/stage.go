package dockerfile

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/containerd/platforms"
	"github.com/distribution/reference"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// stage is a stage of the file, planned or not.
type stage struct {
	*instructions.Stage
	index    int
	line     int
	from     string // with arguments replaced
	platform *ocispec.Platform
	planned  *Stage
	end      *state // after its last step
}

// Read makes the plan of a Dockerfile.
//
// Errors: api.ErrDockerfile; api.ErrInvalidArgument for a target that is not there; those of Options.Base.
func Read(ctx context.Context, text []byte, opts Options) (*Plan, error) {
	f, err := parse(text, &opts)
	if err != nil {
		return nil, err
	}
	target, err := f.target()
	if err != nil {
		return nil, err
	}
	if err := f.checkFresh(); err != nil {
		return nil, err
	}
	platform, err := f.Options.target()
	if err != nil {
		return nil, err
	}
	if err := f.globals(platform, target); err != nil {
		return nil, err
	}
	for _, st := range f.stages {
		if err := f.resolveFrom(st); err != nil {
			return nil, err
		}
	}
	f.plan.InFile = target.index + 1
	p := &planner{file: f, platform: platform, goal: target}
	if f.plan.Target, err = p.stage(ctx, target); err != nil {
		return nil, err
	}
	slices.SortFunc(f.plan.Stages, func(a, b *Stage) int { return a.Index - b.Index }) // they need those before them alone
	if err := f.lint.fails(f.Options, f.plan.Warnings); err != nil {
		return nil, err
	}
	return f.plan, nil
}

// globals sets the arguments that FROM sees.
func (f *file) globals(platform ocispec.Platform, target *stage) error {
	f.defaults(f.platformArgs(platform, target.Name))
	f.global = f.platformArgs(platform, target.Name)
	for _, c := range f.meta {
		for _, kv := range c.Args {
			value, set, err := f.metaValue(kv, f.Args)
			if err != nil {
				return f.wrong(line(c.Location()), "ARG %s: %w", short(kv.Key), err)
			}
			if !set {
				continue // it may be one of the platform's
			}
			f.global.set(kv.Key, value)
			if err := f.global.check(kv.Key, value); err != nil {
				return f.wrong(line(c.Location()), "%w", err)
			}
		}
	}
	return nil
}

func (f *file) metaValue(kv instructions.KeyValuePairOptional, given map[string]string) (string, bool, error) {
	if v, ok := given[kv.Key]; ok {
		return v, true, nil
	}
	if kv.Value == nil {
		return "", false, nil
	}
	res, err := f.expand.word(*kv.Value, f.global)
	return res.Result, true, err
}

// defaults tells of bases that have no valid name without build arguments.
func (f *file) defaults(args *vars) {
	f.global = args
	for _, c := range f.meta {
		for _, kv := range c.Args {
			if v, set, err := f.metaValue(kv, nil); err == nil && set {
				f.global.set(kv.Key, v)
			}
		}
	}
	for _, st := range f.stages {
		res, err := f.expand.word(st.BaseName, f.global)
		if err != nil {
			return
		}
		if _, err := reference.ParseNormalizedNamed(res.Result); err != nil {
			f.lint.Run(&linter.RuleInvalidDefaultArgInFrom, st.Location, linter.RuleInvalidDefaultArgInFrom.Format(st.BaseName))
		}
	}
}

// resolveFrom replaces the arguments of FROM and checks it.
func (f *file) resolveFrom(st *stage) error {
	lint := f.lint.WithMergedConfigFromComments(st.Comments)
	res, err := f.expand.word(st.BaseName, f.global)
	if err != nil {
		return f.wrong(st.line, "FROM %s: %w", short(st.BaseName), err)
	}
	f.undeclared(lint, st, res)
	if res.Result == "" {
		return f.wrong(st.line, "FROM %s: the name is empty once its arguments are replaced: give the argument a default or a value", short(st.BaseName))
	}
	st.from = res.Result
	if err := f.resolvePlatform(lint, st); err != nil {
		return err
	}
	if f.find(st.from, st.index) != nil || f.context(st.from, st.index) != nil || st.from == scratch || f.CheckName == nil {
		return nil
	}
	if err := f.CheckName(st.from); err != nil {
		var unset []string
		for name := range res.Unmatched {
			unset = append(unset, name)
		}
		if len(unset) > 0 {
			return f.wrong(st.line, "FROM %s: %w: these arguments have no value: %s: set them with ARG before FROM or as build arguments", st.BaseName, err, sorted(unset))
		}
		return f.wrong(st.line, "FROM %s: %w", short(st.BaseName), err)
	}
	return nil
}

func (f *file) undeclared(lint *linter.Linter, st *stage, res shell.ProcessWordResult) {
	for name := range res.Unmatched {
		declared := false
		for _, c := range f.meta {
			for _, kv := range c.Args {
				declared = declared || kv.Key == name
			}
		}
		if !declared {
			match := strings.TrimSuffix(strings.TrimPrefix(suggest(name, f.global.Keys()), ": is it "), "?")
			lint.Run(&linter.RuleUndefinedArgInFrom, st.Location, linter.RuleUndefinedArgInFrom.Format(name, match))
		}
	}
}

func (f *file) resolvePlatform(lint *linter.Linter, st *stage) error {
	if st.Platform == "" {
		return nil
	}
	res, err := f.expand.word(st.Platform, f.global)
	if err != nil {
		return f.wrong(st.line, "FROM --platform=%s: %w", short(st.Platform), err)
	}
	f.undeclared(lint, st, res)
	p, err := platforms.Parse(res.Result) // amd64 alone is one, too
	if err != nil {
		return f.wrong(st.line, "FROM --platform=%s: %q is not a valid platform: write it like linux/arm64 or $BUILDPLATFORM", short(st.Platform), short(res.Result))
	}
	_, ofTarget := res.Matched["TARGETPLATFORM"]
	switch target, _ := f.global.Get("TARGETPLATFORM"); {
	case len(res.Matched) == 1 && ofTarget && len(res.Unmatched) == 0 && res.Result == target:
		lint.Run(&linter.RuleRedundantTargetPlatform, st.Location, linter.RuleRedundantTargetPlatform.Format(st.Platform))
	case len(res.Matched) == 0 && len(res.Unmatched) == 0 && !strings.Contains(st.Name, p.OS) && !strings.Contains(st.Name, p.Architecture):
		lint.Run(&linter.RuleFromPlatformFlagConstDisallowed, st.Location, linter.RuleFromPlatformFlagConstDisallowed.Format(res.Result))
	}
	st.platform = &p
	return nil
}

const scratch = "scratch"

// find is the stage that ref means in the stage with index limit, or nil: then it is an image.
func (f *file) find(ref string, limit int) *stage {
	for i := limit - 1; i >= 0; i-- {
		if f.stages[i].Name != "" && strings.EqualFold(f.stages[i].Name, ref) {
			return f.stages[i]
		}
	}
	if i, err := strconv.Atoi(ref); err == nil && i >= 0 && i < limit {
		return f.stages[i]
	}
	return nil
}

// later is the stage of that name that begins only later, or nil.
func (f *file) later(ref string, from int) *stage {
	for _, st := range f.stages[min(from, len(f.stages)):] {
		if st.Name != "" && strings.EqualFold(st.Name, ref) {
			return st
		}
	}
	return nil
}

// context is the named context that ref means in the stage with index limit, or nil. A stage that a context replaces is
// meant by its number, too.
func (f *file) context(ref string, limit int) *Context {
	if len(f.Contexts) == 0 {
		return nil
	}
	if i, err := strconv.Atoi(ref); err == nil && i >= 0 && i < limit {
		ref = f.stages[i].Name
	}
	if ref == "" {
		return nil
	}
	for i := range f.Contexts {
		if SameName(f.Contexts[i].Name, strings.ToLower(ref)) {
			return &f.Contexts[i]
		}
	}
	return nil
}

// SameName says whether two names mean one image: a context golang is meant by FROM docker.io/library/golang:latest.
func SameName(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := reference.ParseNormalizedNamed(a)
	y, err2 := reference.ParseNormalizedNamed(b)
	return err1 == nil && err2 == nil && reference.TagNameOnly(x).String() == reference.TagNameOnly(y).String()
}
