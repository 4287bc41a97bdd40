//go:build linux

package containers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
)

// committedConfig is the configuration of an image of the container, still without the new layer.
func committedConfig(rec *Record, base *images.Resolved, opts container.CommitOptions) (*images.NewConfig, error) {
	now := time.Now().UTC()
	cfg := &images.NewConfig{
		Created: &now, Author: opts.Author, Platform: base.Raw.Platform, RootFS: base.Raw.RootFS,
		Config: images.RunConfig{ImageConfig: base.Raw.Config, OnBuild: nil, Shell: base.Config.Shell},
		History: append(slices.Clone(base.Raw.History), v1.History{
			Created: &now, CreatedBy: strings.Join(rec.Command, " "), Author: opts.Author, Comment: opts.Message,
		}),
	}
	cfg.RootFS.DiffIDs = slices.Clone(cfg.RootFS.DiffIDs)
	c := &cfg.Config
	c.Env, c.User, c.WorkingDir, c.StopSignal = rec.Env, rec.User, rec.Dir, rec.Options.Lifecycle.StopSignal
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
		c.Healthcheck = &images.Healthcheck{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries,
		}
	}
	if err := c.Change(opts.Changes); err != nil {
		return nil, invalid("CommitOptions.Changes %w", err)
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
