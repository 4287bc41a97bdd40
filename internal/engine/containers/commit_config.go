//go:build linux

package containers

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/openshift/imagebuilder"
	"github.com/openshift/imagebuilder/dockerfile/command"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/engine/images"
)

// imageConfig is an image's configuration in OCI's form, with what Docker's has beyond it.
type imageConfig struct {
	Created *time.Time `json:"created,omitempty"`
	Author  string     `json:"author,omitempty"`
	v1.Platform
	Config  runConfig    `json:"config"`
	RootFS  v1.RootFS    `json:"rootfs"`
	History []v1.History `json:"history,omitempty"`
}

type runConfig struct {
	v1.ImageConfig
	Healthcheck *healthcheck `json:"Healthcheck,omitempty"`
	OnBuild     []string     `json:"OnBuild,omitempty"`
	Shell       []string     `json:"Shell,omitempty"`
}

type healthcheck struct {
	Test          []string      `json:"Test,omitempty"`
	Interval      time.Duration `json:"Interval,omitempty"`
	Timeout       time.Duration `json:"Timeout,omitempty"`
	StartPeriod   time.Duration `json:"StartPeriod,omitempty"`
	StartInterval time.Duration `json:"StartInterval,omitempty"`
	Retries       int           `json:"Retries,omitempty"`
}

// committedConfig is the configuration of an image of the container, still without the new layer.
func committedConfig(rec *Record, base *images.Resolved, opts container.CommitOptions) (*imageConfig, error) {
	now := time.Now().UTC()
	cfg := &imageConfig{
		Created: &now, Author: opts.Author, Platform: base.Raw.Platform, RootFS: base.Raw.RootFS,
		Config: runConfig{ImageConfig: base.Raw.Config, OnBuild: nil, Shell: base.Config.Shell},
		History: append(slices.Clone(base.Raw.History), v1.History{
			Created: &now, CreatedBy: strings.Join(rec.Command, " "), Author: opts.Author, Comment: opts.Message,
		}),
	}
	cfg.RootFS.DiffIDs = slices.Clone(cfg.RootFS.DiffIDs)
	c := &cfg.Config
	c.Env, c.User, c.WorkingDir, c.StopSignal = rec.Env, rec.User, rec.Dir, rec.Options.StopSignal
	if rec.Options.Entrypoint != nil || rec.Options.Cmd != nil {
		c.Cmd = rec.Options.Cmd
	}
	if rec.Options.Entrypoint != nil {
		c.Entrypoint = rec.Options.Entrypoint
	}
	c.Labels = merged(base.Raw.Config.Labels, rec.Options.Labels)
	c.ExposedPorts = maps.Clone(base.Raw.Config.ExposedPorts)
	for _, p := range rec.Options.Ports {
		expose(c, p)
	}
	c.Volumes = maps.Clone(base.Raw.Config.Volumes)
	if h := rec.Health; h != nil {
		c.Healthcheck = &healthcheck{h.Test, h.Interval, h.Timeout, h.StartPeriod, h.StartInterval, h.Retries}
	}
	return cfg, applyChanges(c, opts.Changes)
}

func merged(maps ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range maps {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func expose(c *runConfig, p container.Port) {
	if c.ExposedPorts == nil {
		c.ExposedPorts = map[string]struct{}{}
	}
	protocol := p.Protocol
	if protocol == "" {
		protocol = "tcp"
	}
	for i := range max(p.Count, 1) {
		c.ExposedPorts[fmt.Sprintf("%d/%s", p.Container+i, protocol)] = struct{}{}
	}
}

// changeable are the instructions that change nothing but a configuration, as docker commit --change takes them.
var changeable = []string{
	command.Cmd, command.Entrypoint, command.Env, command.Expose, command.Healthcheck, command.Label, command.Onbuild,
	command.StopSignal, command.User, command.Volume, command.Workdir,
}

// applyChanges runs instructions with the interpreter that Dockerfiles are built with.
func applyChanges(c *runConfig, changes []string) error {
	b := imagebuilder.NewBuilder(nil)
	rc := &b.RunConfig
	rc.Env, rc.User, rc.WorkingDir, rc.StopSignal = c.Env, c.User, c.WorkingDir, c.StopSignal
	rc.Entrypoint, rc.Cmd, rc.Labels, rc.Shell = c.Entrypoint, c.Cmd, c.Labels, c.Shell
	for _, text := range changes {
		if err := applyChange(b, text); err != nil {
			return invalid("CommitOptions.Changes %q: %w", text, err)
		}
	}
	c.Env, c.User, c.WorkingDir, c.StopSignal = rc.Env, rc.User, rc.WorkingDir, rc.StopSignal
	c.Entrypoint, c.Cmd, c.Labels, c.OnBuild = rc.Entrypoint, rc.Cmd, rc.Labels, rc.OnBuild
	for p := range rc.ExposedPorts {
		if c.ExposedPorts == nil {
			c.ExposedPorts = map[string]struct{}{}
		}
		c.ExposedPorts[string(p)] = struct{}{}
	}
	for v := range rc.Volumes {
		if c.Volumes == nil {
			c.Volumes = map[string]struct{}{}
		}
		c.Volumes[v] = struct{}{}
	}
	if h := rc.Healthcheck; h != nil {
		c.Healthcheck = &healthcheck{h.Test, h.Interval, h.Timeout, h.StartPeriod, h.StartInterval, h.Retries}
	}
	return nil
}

func applyChange(b *imagebuilder.Builder, text string) error {
	root, err := imagebuilder.ParseDockerfile(bytes.NewReader([]byte(text)))
	if err != nil {
		return err
	}
	if len(root.Children) == 0 {
		return fmt.Errorf("no instruction")
	}
	for _, node := range root.Children {
		if !slices.Contains(changeable, strings.ToLower(node.Value)) {
			return fmt.Errorf("%s is no instruction for this: use %s", strings.ToUpper(node.Value), strings.ToUpper(strings.Join(changeable, ", ")))
		}
		step := b.Step()
		if err := step.Resolve(node); err != nil {
			return err
		}
		if err := b.Run(step, imagebuilder.NoopExecutor, true); err != nil {
			return err
		}
	}
	return nil
}
