package images

import (
	"time"

	spec "github.com/moby/docker-image-spec/specs-go/v1"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/buildah/docker"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
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
	Healthcheck *docker.HealthConfig `json:"Healthcheck,omitempty"`
	OnBuild     []string             `json:"OnBuild,omitempty"`
	Shell       []string             `json:"Shell,omitempty"`
}

// Change runs instructions as a Dockerfile's are.
func (c *RunConfig) Change(changes []string) error {
	img := &dockerfile.Image{}
	img.Config.ImageConfig, img.Config.OnBuild, img.Config.Shell = c.ImageConfig, c.OnBuild, c.Shell
	img.Config.Healthcheck = (*spec.HealthcheckConfig)(c.Healthcheck)
	img, err := dockerfile.Change(img, changes)
	if err != nil {
		return api.Errorf(api.ErrInvalidArgument, "%w", err)
	}
	c.ImageConfig, c.OnBuild, c.Shell = img.Config.ImageConfig, img.Config.OnBuild, img.Config.Shell
	c.Healthcheck = (*docker.HealthConfig)(img.Config.Healthcheck)
	return nil
}
