package dockerfile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
)

// changeable are the instructions that change nothing but a configuration, as docker commit and docker import --change take them.
var changeable = []string{"CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"}

// Change is img after instructions, each of them a text. img stays as it is; its history does not grow.
func Change(img *Image, changes []string) (*Image, error) {
	f := &file{Options: &Options{}, expand: &expander{lex: shell.NewLex(parser.DefaultEscapeToken), left: maxExpanded}, global: &vars{}}
	f.lint = &lint{Linter: linter.New(&linter.Config{})}
	onbuild := img.Config.OnBuild
	st := &state{}
	st.use(img)
	st.image.Config.OnBuild = slices.Clip(onbuild)
	if !slices.ContainsFunc(img.Config.Env, func(kv string) bool { return strings.HasPrefix(kv, "PATH=") }) {
		st.conf, st.env = varsOf(img.Config.Env), varsOf(img.Config.Env)
	}
	r := &reader{planner: &planner{file: f}, state: st, check: f.lint.Linter}
	for _, text := range changes {
		if err := r.change(text); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
	}
	out := st.snapshot()
	out.History = img.History
	return out, nil
}

func (r *reader) change(text string) error {
	tree, err := parser.Parse(bytes.NewReader([]byte(text)))
	if err != nil {
		return errors.New(reword(err.Error()))
	}
	for _, n := range tree.AST.Children {
		name := strings.ToUpper(n.Value)
		if !slices.Contains(changeable, name) {
			return fmt.Errorf("%s is not allowed here: use one of %s", name, strings.Join(changeable, ", "))
		}
		c, err := instructions.ParseCommand(n)
		if err != nil {
			return errors.New(reword(err.Error()))
		}
		if err := r.replace(c); err != nil {
			return err
		}
		switch c := c.(type) {
		case *instructions.OnbuildCommand:
			r.onbuildOf(c)
		case *instructions.WorkdirCommand:
			_, err = r.workdir(c)
		default:
			err = r.configure(c)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
