package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// Image describes an image of the store.
type Image struct {
	ID      string            `json:"id"`              // "sha256:" and the digest of its configuration
	Names   []string          `json:"names,omitempty"` // full references, as docker.io/library/alpine:3.22
	Digests []string          `json:"digests,omitempty"`
	Created time.Time         `json:"created"`
	Size    int64             `json:"size"`   // bytes of all its layers, unpacked
	Shared  int64             `json:"shared"` // of Size, what other images have, too: the rest goes with this one
	Labels  map[string]string `json:"labels,omitempty"`
	OS      string            `json:"os,omitempty"`
	Arch    string            `json:"arch,omitempty"`
	Config  Config            `json:"config"`
	Layers  []string          `json:"layers,omitempty"` // diff ids, lowest first
}

// Config is what an image says of the containers made of it (OCI image configuration, and Docker's additions).
type Config struct {
	User         string        `json:"user,omitempty"`
	Env          []string      `json:"env,omitempty"`
	Entrypoint   []string      `json:"entrypoint,omitempty"`
	Cmd          []string      `json:"cmd,omitempty"`
	WorkingDir   string        `json:"workingDir,omitempty"`
	StopSignal   string        `json:"stopSignal,omitempty"`
	Volumes      []string      `json:"volumes,omitempty"`
	ExposedPorts []string      `json:"exposedPorts,omitempty"` // as 8080/tcp
	Shell        []string      `json:"shell,omitempty"`
	OnBuild      []string      `json:"onBuild,omitempty"`
	Health       *HealthConfig `json:"health,omitempty"`
}

// HealthConfig is an image's HEALTHCHECK.
type HealthConfig struct {
	Test        []string      `json:"test,omitempty"` // {"CMD", …}, {"CMD-SHELL", "…"} or {"NONE"}
	Interval    time.Duration `json:"interval,omitempty"`
	Timeout     time.Duration `json:"timeout,omitempty"`
	StartPeriod time.Duration `json:"startPeriod,omitempty"`
	Retries     int           `json:"retries,omitempty"`
}

// Get returns an image by name, name:tag, name@digest, id or a prefix of its id.
//
// Errors: ErrNotFound, ErrAmbiguous, ErrInvalidReference.
func (s *Store) Get(ctx context.Context, ref string) (*Image, error) {
	var img Image
	if err := s.c.Do(ctx, api.ImageGet, api.Ref{Ref: ref}, &img); err != nil {
		return nil, err
	}
	return &img, nil
}
