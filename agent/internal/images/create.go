package images

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/buildah/docker"
	"go.podman.io/image/v5/manifest"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
)

// Create makes an image: it adds the layer to the configuration and writes both and a manifest, of the kind that the
// base has; base may be nil. The image has no name yet.
func (h *Held) Create(base *Resolved, cfg *NewConfig, layer *storage.Layer) (id string, err error) {
	cfg.RootFS.Type = docker.TypeLayers
	cfg.RootFS.DiffIDs = append(cfg.RootFS.DiffIDs, layer.UncompressedDigest)
	blob, err := json.Marshal(cfg)
	if err != nil {
		return "", err
	}
	kind, err := h.s.manifestKind(base)
	if err != nil {
		return "", err
	}
	return h.write(blob, kind, cfg.RootFS.DiffIDs, layer, *cfg.Created)
}

// BuiltID is the id of the image that CreateBuilt makes, in Docker's format.
func BuiltID(cfg *dockerfile.Image) (string, error) {
	blob, err := json.Marshal(cfg)
	return digest.FromBytes(blob).Encoded(), err
}

// CreateBuilt makes an image of a build, in Docker's format or in OCI's, which has not all of a configuration. Its layers
// are those of the layer top, which may be empty. An image that is there already is taken.
func (h *Held) CreateBuilt(cfg *dockerfile.Image, top string, oci bool) (id string, err error) {
	kind, out := manifest.DockerV2Schema2MediaType, any(cfg)
	if oci {
		kind = v1.MediaTypeImageManifest
		plain := cfg.Image
		plain.Config = cfg.Config.ImageConfig
		out = plain
	}
	blob, err := json.Marshal(out)
	if err != nil {
		return "", err
	}
	if id = digest.FromBytes(blob).Encoded(); h.HasImage(id) {
		return id, nil
	}
	var layer *storage.Layer
	if top != "" {
		if layer, err = h.s.store.Layer(top); err != nil {
			return "", StoreError(top, err)
		}
	}
	return h.write(blob, kind, cfg.RootFS.DiffIDs, layer, *cfg.Created)
}

// write puts an image into the store.
func (h *Held) write(blob []byte, kind string, diffIDs []digest.Digest, layer *storage.Layer, created time.Time) (id string, err error) {
	// Docker's schema 2 and OCI have the same form.
	man := docker.V2S2Manifest{
		V2Versioned: docker.V2Versioned{SchemaVersion: 2, MediaType: kind},
		Config:      docker.V2S2Descriptor{MediaType: manifest.DockerV2Schema2ConfigMediaType, Digest: digest.FromBytes(blob), Size: int64(len(blob))},
	}
	layerKind := manifest.DockerV2SchemaLayerMediaTypeUncompressed
	if kind == v1.MediaTypeImageManifest {
		man.Config.MediaType, layerKind = v1.MediaTypeImageConfig, v1.MediaTypeImageLayer
	}
	if man.Layers, err = h.s.descriptors(diffIDs, layer, layerKind); err != nil {
		return "", err
	}
	raw, err := json.Marshal(man)
	if err != nil {
		return "", err
	}
	top := ""
	if layer != nil {
		top = layer.ID
	}
	manDigest := digest.FromBytes(raw)
	img, err := h.s.store.CreateImage(man.Config.Digest.Encoded(), nil, top, "", &storage.ImageOptions{
		CreationDate: created, Digest: manDigest,
		BigData: []storage.ImageBigDataOption{
			{Key: man.Config.Digest.String(), Data: blob, Digest: man.Config.Digest},
			// The second name is how containers/image finds one of several.
			{Key: storage.ImageDigestBigDataKey, Data: raw, Digest: manDigest},
			{Key: storage.ImageDigestBigDataKey + "-" + manDigest.String(), Data: raw, Digest: manDigest},
		},
	})
	if err != nil {
		return "", err
	}
	return img.ID, nil
}

func (s *Store) manifestKind(base *Resolved) (string, error) {
	if base == nil {
		return manifest.DockerV2Schema2MediaType, nil
	}
	raw, err := s.store.ImageBigData(base.ID, storage.ImageDigestBigDataKey)
	if err != nil {
		return "", err
	}
	if manifest.GuessMIMEType(raw) == v1.MediaTypeImageManifest {
		return v1.MediaTypeImageManifest, nil
	}
	return manifest.DockerV2Schema2MediaType, nil
}

// descriptors describes the layers as they are in the store: not compressed, lowest first.
func (s *Store) descriptors(ids []digest.Digest, top *storage.Layer, kind string) ([]docker.V2S2Descriptor, error) {
	out := make([]docker.V2S2Descriptor, len(ids))
	l, err := top, error(nil)
	for i := len(ids) - 1; i >= 0; i-- {
		if l == nil {
			return nil, fmt.Errorf("the image has %d layers in its configuration and fewer in the store", len(ids))
		}
		if l.UncompressedSize < 0 {
			return nil, errors.New("a layer of the image has no known size")
		}
		out[i] = docker.V2S2Descriptor{MediaType: kind, Digest: ids[i], Size: l.UncompressedSize}
		parent := l.Parent
		if l = nil; parent != "" {
			if l, err = s.store.Layer(parent); err != nil {
				return nil, err
			}
		}
	}
	if l != nil {
		return nil, fmt.Errorf("the image has %d layers in its configuration and more in the store", len(ids))
	}
	return out, nil
}
