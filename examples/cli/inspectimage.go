package main

import (
	"context"
	"slices"
	"strings"

	docker "github.com/docker/docker/api/types/container"
	dockerimage "github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/storage"
	"github.com/docker/go-connections/nat"

	"github.com/caisson-dev/caisson/examples/cli/internal/format"
	"github.com/caisson-dev/caisson/image"
)

// imageJSON is Docker's description of an image.
type imageJSON struct {
	ID           string `json:"Id"`
	RepoTags     []string
	RepoDigests  []string
	Parent       string
	Comment      string
	Created      string
	Author       string
	Config       *docker.Config
	Architecture string
	Variant      string `json:",omitempty"`
	Os           string
	Size         int64
	VirtualSize  int64
	GraphDriver  storage.DriverData
	RootFS       dockerimage.RootFS
}

func (c *cli) inspectImage(ctx context.Context, ref string) (any, error) {
	store, err := c.store()
	if err != nil {
		return nil, err
	}
	img, err := store.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	return newImageJSON(img), nil
}

func newImageJSON(img *image.Image) *imageJSON {
	tags, digests := []string{}, []string{}
	for _, full := range img.Names {
		if strings.Contains(full, "@") {
			digests = append(digests, familiarString(full, ""))
		} else {
			tags = append(tags, familiarString(full, ""))
		}
	}
	for _, d := range img.Digests {
		if short := familiarString(d, ""); strings.Contains(d, "/") && !slices.Contains(digests, short) {
			digests = append(digests, short)
		}
	}
	cfg := img.Config
	out := &imageJSON{
		ID: img.ID, RepoTags: tags, RepoDigests: digests, Created: format.Stamp(img.Created), Size: img.Size, VirtualSize: img.Size,
		Author: img.Author, Comment: img.Comment, Architecture: img.Arch, Variant: img.Variant, Os: img.OS,
		RootFS: dockerimage.RootFS{Type: "layers", Layers: img.Layers}, GraphDriver: storage.DriverData{Name: "overlay"},
		Config: &docker.Config{
			User: cfg.User, Env: cfg.Env, Entrypoint: cfg.Entrypoint, Cmd: cfg.Cmd, WorkingDir: cfg.WorkingDir, StopSignal: cfg.StopSignal,
			Labels: img.Labels, Shell: cfg.Shell, OnBuild: cfg.OnBuild,
		},
	}
	for _, v := range cfg.Volumes {
		if out.Config.Volumes == nil {
			out.Config.Volumes = map[string]struct{}{}
		}
		out.Config.Volumes[v] = struct{}{}
	}
	for _, p := range cfg.ExposedPorts {
		if out.Config.ExposedPorts == nil {
			out.Config.ExposedPorts = nat.PortSet{}
		}
		out.Config.ExposedPorts[nat.Port(p)] = struct{}{}
	}
	if cfg.Health != nil {
		out.Config.Healthcheck = &docker.HealthConfig{
			Test: cfg.Health.Test, Interval: cfg.Health.Interval, Timeout: cfg.Health.Timeout, StartPeriod: cfg.Health.StartPeriod, Retries: cfg.Health.Retries,
		}
	}
	return out
}
