package images

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/buildah/docker"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// parsed is an image's configuration. It never changes: the image's id is its digest.
type parsed struct {
	raw    v1.Image
	config image.Config
}

// configs keeps parsed configurations by image id.
type configs struct {
	mu sync.Mutex
	m  map[string]*parsed
}

func (c *configs) get(id string) *parsed {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m[id]
}

// most bounds what is remembered; a list of more images than that reads some of them again.
const most = 4096

func (c *configs) put(id string, p *parsed) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= most {
		c.m = map[string]*parsed{}
	}
	c.m[id] = p
}

func (s *Store) config(img *storage.Image) (*parsed, error) {
	if p := s.known.get(img.ID); p != nil {
		return p, nil
	}
	b, err := s.configBlob(img)
	if errors.Is(err, storage.ErrImageUnknown) {
		return nil, api.Errorf(api.ErrNotFound, "image %s: %w: it was removed just now", names.Short(img.ID), err)
	}
	if err != nil {
		return nil, api.Errorf(api.ErrCorrupt, "image %s: read its configuration: %w", names.Short(img.ID), err)
	}
	p, err := parseConfig(b)
	if err != nil {
		return nil, api.Errorf(api.ErrCorrupt, "image %s: its configuration: %w", names.Short(img.ID), err)
	}
	s.known.put(img.ID, p)
	return p, nil
}

// Docker is an image's configuration with all that Docker's format has.
func (s *Store) Docker(ctx context.Context, id string) (*dockerfile.Image, error) {
	img, err := s.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	b, err := s.configBlob(img)
	if err != nil {
		return nil, api.Errorf(api.ErrCorrupt, "image %s: read its configuration: %w", names.Short(img.ID), err)
	}
	var out dockerfile.Image
	if err := json.Unmarshal(b, &out); err != nil {
		return nil, api.Errorf(api.ErrCorrupt, "image %s: its configuration: %w", names.Short(img.ID), err)
	}
	return &out, nil
}

// configBlob reads the configuration: it has the image's id as digest, except for schema 1 and for layers known by
// their table of contents, where the manifest names it.
func (s *Store) configBlob(img *storage.Image) ([]byte, error) {
	key := "sha256:" + img.ID
	// The store's own way takes two locks for each image, which is most of a first list's time. The file never changes.
	if b, err := os.ReadFile(filepath.Join(s.layout.Graph(), "overlay-images", img.ID, "="+base64.StdEncoding.EncodeToString([]byte(key)))); err == nil {
		return b, nil
	}
	if !slices.Contains(img.BigDataNames, key) {
		raw, err := s.store.ImageBigData(img.ID, storage.ImageDigestBigDataKey)
		if err != nil {
			return nil, err
		}
		m, err := manifest.FromBlob(raw, manifest.GuessMIMEType(raw))
		if err != nil {
			return nil, err
		}
		key = m.ConfigInfo().Digest.String()
		if key == "" {
			return nil, errors.New("the manifest names none")
		}
	}
	return s.store.ImageBigData(img.ID, key)
}

// dockerConfig is Docker's form of a configuration, which has more than OCI's.
type dockerConfig struct {
	Config docker.Config `json:"config"`
}

func parseConfig(b []byte) (*parsed, error) {
	var p parsed
	var d dockerConfig
	if err := json.Unmarshal(b, &p.raw); err != nil {
		return nil, err
	}
	if bytes.Contains(b, []byte(`"Healthcheck"`)) || bytes.Contains(b, []byte(`"OnBuild"`)) || bytes.Contains(b, []byte(`"Shell"`)) {
		if err := json.Unmarshal(b, &d); err != nil {
			return nil, err
		}
	}
	c := p.raw.Config
	p.config = image.Config{
		User: c.User, Env: c.Env, Entrypoint: c.Entrypoint, Cmd: c.Cmd, WorkingDir: c.WorkingDir, StopSignal: c.StopSignal,
		Volumes: slices.Sorted(maps.Keys(c.Volumes)), ExposedPorts: slices.Sorted(maps.Keys(c.ExposedPorts)),
		Shell: d.Config.Shell, OnBuild: d.Config.OnBuild,
	}
	if h := d.Config.Healthcheck; h != nil {
		p.config.Health = &image.HealthConfig{
			Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, Retries: h.Retries,
		}
	}
	return &p, nil
}
