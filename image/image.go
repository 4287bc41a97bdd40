package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Image describes an image of the store.
type Image struct {
	ID      string            `json:"id"`              // "sha256:" and the 64 digits of the digest of its configuration
	Names   []string          `json:"names,omitempty"` // full references, such as docker.io/library/alpine:3.22
	Digests []string          `json:"digests,omitempty"`
	Created time.Time         `json:"created"`
	Size    int64             `json:"size"`   // bytes of all its layers, unpacked
	Shared  int64             `json:"shared"` // the part of Size that other images have too
	Labels  map[string]string `json:"labels,omitempty"`
	OS      string            `json:"os,omitempty"`
	Arch    string            `json:"arch,omitempty"`
	Variant string            `json:"variant,omitempty"` // of Arch, such as v8
	Author  string            `json:"author,omitempty"`
	Comment string            `json:"comment,omitempty"` // of the last step of its history
	Config  Config            `json:"config"`
	Layers  []string          `json:"layers,omitempty"` // diff ids, lowest first
}

// Config is the configuration that an image has for its containers: that of the OCI image specification with the
// additions of Docker.
type Config struct {
	User         string        `json:"user,omitempty"`
	Env          []string      `json:"env,omitempty"`
	Entrypoint   []string      `json:"entrypoint,omitempty"`
	Cmd          []string      `json:"cmd,omitempty"`
	WorkingDir   string        `json:"workingDir,omitempty"`
	StopSignal   string        `json:"stopSignal,omitempty"`
	Volumes      []string      `json:"volumes,omitempty"`
	ExposedPorts []string      `json:"exposedPorts,omitempty"` // such as 8080/tcp
	Shell        []string      `json:"shell,omitempty"`
	OnBuild      []string      `json:"onBuild,omitempty"`
	Health       *HealthConfig `json:"health,omitempty"`
}

// HealthConfig is the HEALTHCHECK of an image. A field that is 0 has the default of container.HealthConfig.
type HealthConfig struct {
	Test        []string      `json:"test,omitempty"` // {"CMD", …}, {"CMD-SHELL", "…"} or {"NONE"}
	Interval    time.Duration `json:"interval,omitempty"`
	Timeout     time.Duration `json:"timeout,omitempty"`
	StartPeriod time.Duration `json:"startPeriod,omitempty"`
	Retries     int           `json:"retries,omitempty"`
}

// Get describes an image.
//
// Errors: ErrNotFound when there is no such image; ErrAmbiguous when several ids have the prefix; ErrInvalidReference
// when ref is not valid.
func (s *Store) Get(ctx context.Context, ref string) (*Image, error) {
	var img Image
	if err := s.c.Do(ctx, api.ImageGet, api.Ref{Ref: ref}, &img); err != nil {
		return nil, err
	}
	return &img, nil
}
