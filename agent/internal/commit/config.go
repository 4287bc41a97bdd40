//go:build linux

package commit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/buildah/docker"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// Config is the configuration of an image of a container that was made of base, still without the new layer.
func Config(c *spec.Container, base *images.Resolved, opts container.CommitOptions, now time.Time) (*images.NewConfig, error) {
	cfg := &images.NewConfig{
		Created: &now, Author: opts.Author, Platform: base.Raw.Platform, RootFS: base.Raw.RootFS,
		Config: images.RunConfig{ImageConfig: base.Raw.Config, OnBuild: nil, Shell: base.Config.Shell},
		History: append(slices.Clone(base.Raw.History), v1.History{
			Created: &now, CreatedBy: strings.Join(c.Command, " "), Author: opts.Author, Comment: opts.Message,
		}),
	}
	cfg.RootFS.DiffIDs = slices.Clone(cfg.RootFS.DiffIDs)
	run := &cfg.Config
	run.Env, run.User, run.WorkingDir, run.StopSignal = c.Env, c.User, c.Dir, c.Options.Lifecycle.StopSignal
	if c.Options.Entrypoint != nil || c.Options.Cmd != nil {
		run.Cmd = c.Options.Cmd
	}
	if c.Options.Entrypoint != nil {
		run.Entrypoint = c.Options.Entrypoint
	}
	run.Labels = merged(base.Raw.Config.Labels, c.Options.Labels)
	run.ExposedPorts = maps.Clone(base.Raw.Config.ExposedPorts)
	for _, p := range c.Options.Ports {
		expose(run, p)
	}
	run.Volumes = maps.Clone(base.Raw.Config.Volumes)
	if h := c.Health; h != nil {
		run.Healthcheck = &docker.HealthConfig{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
		}
	}
	if err := run.Change(opts.Changes); err != nil {
		return nil, api.Errorf(api.ErrInvalidArgument, "CommitOptions.Changes %w", err)
	}
	return cfg, nil
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

func expose(c *images.RunConfig, p container.Port) {
	if c.ExposedPorts == nil {
		c.ExposedPorts = map[string]struct{}{}
	}
	for i := range max(p.Count, 1) {
		c.ExposedPorts[fmt.Sprintf("%d/%s", p.Container+i, spec.Protocol(p))] = struct{}{}
	}
}
