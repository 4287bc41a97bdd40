package images

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/openshift/imagebuilder"
	"github.com/openshift/imagebuilder/dockerfile/command"

	"github.com/caisson-dev/caisson/internal/api"
)

// NewConfig is an image's configuration in OCI's form, with what Docker's has beyond it.
type NewConfig struct {
	Created *time.Time `json:"created,omitempty"`
	Author  string     `json:"author,omitempty"`
	v1.Platform
	Config  RunConfig    `json:"config"`
	RootFS  v1.RootFS    `json:"rootfs"`
	History []v1.History `json:"history,omitempty"`
}

// RunConfig says what runs in an image, and how.
type RunConfig struct {
	v1.ImageConfig
	Healthcheck *Healthcheck `json:"Healthcheck,omitempty"`
	OnBuild     []string     `json:"OnBuild,omitempty"`
	Shell       []string     `json:"Shell,omitempty"`
}

// Healthcheck in Docker's form.
type Healthcheck struct {
	Test          []string      `json:"Test,omitempty"`
	Interval      time.Duration `json:"Interval,omitempty"`
	Timeout       time.Duration `json:"Timeout,omitempty"`
	StartPeriod   time.Duration `json:"StartPeriod,omitempty"`
	StartInterval time.Duration `json:"StartInterval,omitempty"`
	Retries       int           `json:"Retries,omitempty"`
}

// changeable are the instructions that change nothing but a configuration, as docker commit and docker import --change take them.
var changeable = []string{
	command.Cmd, command.Entrypoint, command.Env, command.Expose, command.Healthcheck, command.Label, command.Onbuild,
	command.StopSignal, command.User, command.Volume, command.Workdir,
}

// Change runs instructions with the interpreter that Dockerfiles are built with.
func (c *RunConfig) Change(changes []string) error {
	b := imagebuilder.NewBuilder(nil)
	rc := &b.RunConfig
	rc.Env, rc.User, rc.WorkingDir, rc.StopSignal = c.Env, c.User, c.WorkingDir, c.StopSignal
	rc.Entrypoint, rc.Cmd, rc.Labels, rc.Shell = c.Entrypoint, c.Cmd, c.Labels, c.Shell
	for _, text := range changes {
		if err := applyChange(b, text); err != nil {
			return api.Errorf(api.ErrInvalidArgument, "%q: %w", text, err)
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
		c.Healthcheck = &Healthcheck{h.Test, h.Interval, h.Timeout, h.StartPeriod, h.StartInterval, h.Retries}
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
			return fmt.Errorf("%s is not allowed here: use one of %s", strings.ToUpper(node.Value), strings.ToUpper(strings.Join(changeable, ", ")))
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
