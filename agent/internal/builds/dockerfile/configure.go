package dockerfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/sys/signal"
)

// configure does an instruction that changes the configuration alone. Maps of the configuration are never changed in place:
// earlier steps have them, too.
func (r *reader) configure(c instructions.Command) error {
	s := r.state
	conf := &s.image.Config
	switch c := c.(type) {
	case *instructions.EnvCommand:
		return r.env(c)
	case *instructions.LabelCommand:
		r.label(c)
	case *instructions.MaintainerCommand:
		s.image.Author = c.Maintainer
		s.did("MAINTAINER "+c.Maintainer, false)
	case *instructions.UserCommand:
		conf.User = c.User
		s.did("USER "+c.User, false)
	case *instructions.ShellCommand:
		conf.Shell = c.Shell
		s.did(fmt.Sprintf("SHELL %v", c.Shell), false)
	case *instructions.StopSignalCommand:
		if _, err := signal.ParseSignal(c.Signal); err != nil {
			return fmt.Errorf("%w: write it like SIGTERM or 15", err)
		}
		conf.StopSignal = c.Signal
		s.did("STOPSIGNAL "+c.Signal, false)
	case *instructions.VolumeCommand:
		return r.volume(c)
	case *instructions.ExposeCommand:
		return r.expose(c)
	case *instructions.CmdCommand:
		r.once(c, &s.cmd)
		s.cmdSet = true
		conf.Cmd = r.command(c, c.ShellDependantCmdLine)
		conf.ArgsEscaped = true //lint:ignore SA1019 BuildKit writes it
		s.did(fmt.Sprintf("CMD %q", conf.Cmd), false)
	case *instructions.EntrypointCommand:
		r.once(c, &s.entrypoint)
		conf.Entrypoint = r.command(c, c.ShellDependantCmdLine)
		if !s.cmdSet {
			conf.Cmd = nil
		}
		s.did(fmt.Sprintf("ENTRYPOINT %q", conf.Entrypoint), false)
	case *instructions.HealthCheckCommand:
		r.once(c, &s.health)
		h := *c.Health
		conf.Healthcheck = &h
		s.did(fmt.Sprintf("HEALTHCHECK %+v", h), false)
	default:
		return fmt.Errorf("this instruction is not known here")
	}
	return nil
}

// once tells of an instruction that has been there before: only the last counts.
func (r *reader) once(c instructions.Command, before *[]parser.Range) {
	if *before != nil {
		r.check.Run(&linter.RuleMultipleInstructionsDisallowed, *before, linter.RuleMultipleInstructionsDisallowed.Format(c.Name()))
	}
	*before = c.Location()
}

// command is a command line with its shell.
func (r *reader) command(c instructions.Command, line instructions.ShellDependantCmdLine) []string {
	if !line.PrependShell {
		return line.CmdLine
	}
	if len(r.state.image.Config.Shell) == 0 {
		r.check.Run(&linter.RuleJSONArgsRecommended, c.Location(), linter.RuleJSONArgsRecommended.Format(c.Name()))
	}
	return r.state.withShell(line.CmdLine)
}

func (s *state) withShell(args []string) []string {
	shell := s.image.Config.Shell
	if len(shell) == 0 {
		shell = []string{"/bin/sh", "-c"}
	}
	return append(slices.Clone(shell), strings.Join(args, " "))
}

func (r *reader) env(c *instructions.EnvCommand) error {
	said := "ENV"
	for _, kv := range c.Env {
		r.legacy(c, kv)
		r.secretIn(c, "ENV", kv.Key)
		if err := r.state.setEnv(kv.Key, kv.Value); err != nil {
			return err
		}
		said += " " + kv.String()
	}
	r.state.did(said, false)
	return nil
}

func (r *reader) legacy(c instructions.Command, kv instructions.KeyValuePair) {
	if kv.NoDelim {
		r.check.Run(&linter.RuleLegacyKeyValueFormat, c.Location(), linter.RuleLegacyKeyValueFormat.Format(c.Name()))
	}
}

func (r *reader) label(c *instructions.LabelCommand) {
	labels := maps.Clone(r.state.image.Config.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	said := "LABEL"
	for _, kv := range c.Labels {
		r.legacy(c, kv)
		labels[kv.Key] = kv.Value
		said += " " + kv.String()
	}
	r.state.image.Config.Labels = labels
	r.state.did(said, false)
}

// labelCommand is the instruction that the options' labels are.
func labelCommand(labels map[string]string) *instructions.LabelCommand {
	keys := slices.Sorted(maps.Keys(labels))
	c := instructions.NewLabelCommand(keys[0], labels[keys[0]], true)
	for _, k := range keys[1:] {
		c.Labels = append(c.Labels, instructions.KeyValuePair{Key: k, Value: labels[k]})
	}
	return c
}

func (r *reader) volume(c *instructions.VolumeCommand) error {
	volumes := maps.Clone(r.state.image.Config.Volumes)
	if volumes == nil {
		volumes = map[string]struct{}{}
	}
	for _, v := range c.Volumes {
		if v == "" {
			return fmt.Errorf("the path is empty once its variables are replaced")
		}
		volumes[v] = struct{}{}
	}
	r.state.image.Config.Volumes = volumes
	r.state.did(fmt.Sprintf("VOLUME %v", c.Volumes), false)
	return nil
}

// onbuildOf keeps an instruction for the images that are made of this one.
func (r *reader) onbuildOf(c *instructions.OnbuildCommand) {
	conf := &r.state.image.Config
	conf.OnBuild = append(slices.Clip(conf.OnBuild), c.Expression)
}

// arg gives a variable to the steps that follow.
func (r *reader) arg(c *instructions.ArgCommand) error {
	said := "ARG"
	for _, kv := range c.Args {
		r.secretIn(c, "ARG", kv.Key)
		value, set, err := r.argValue(c, kv)
		if err != nil {
			return err
		}
		if !r.state.declared[kv.Key] {
			r.state.declared[kv.Key] = true
			r.state.args = append(slices.Clip(r.state.args), kv.Key)
		}
		said += " " + kv.Key
		if !set {
			continue
		}
		if err := r.state.setArg(kv.Key, value); err != nil {
			return err
		}
		said += "=" + value
	}
	r.state.did(said, false)
	return nil
}

// argValue is the option's, else the instruction's, else that of an ARG before FROM.
func (r *reader) argValue(c instructions.Command, kv instructions.KeyValuePairOptional) (string, bool, error) {
	if v, ok := r.Args[kv.Key]; ok {
		return v, true, nil
	}
	if kv.Value == nil {
		v, ok := r.global.Get(kv.Key)
		return v, ok, nil
	}
	res, err := r.expand.word(*kv.Value, r.state.env)
	r.lintUnset(c, res.Unmatched)
	return res.Result, true, err
}

// workdir changes the directory, and has it made.
func (r *reader) workdir(c *instructions.WorkdirCommand) (*Workdir, error) {
	if !r.state.dirSet && !strings.HasPrefix(c.Path, "/") {
		r.check.Run(&linter.RuleWorkdirRelativePath, c.Location(), linter.RuleWorkdirRelativePath.Format(c.Path))
	}
	r.state.dirSet = true
	conf := &r.state.image.Config
	if strings.HasPrefix(c.Path, "/") {
		conf.WorkingDir = clean(c.Path)
	} else {
		conf.WorkingDir = clean(conf.WorkingDir + "/" + c.Path)
	}
	layer := conf.WorkingDir != "/"
	r.state.did("WORKDIR "+conf.WorkingDir, layer)
	if !layer {
		return nil, nil
	}
	return &Workdir{Path: conf.WorkingDir, User: conf.User}, nil
}
