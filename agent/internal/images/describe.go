package images

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handleGet() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, in api.Ref) (*image.Image, error) { return s.Get(r.Context(), in.Ref) })
}

// Get describes the image that ref names.
func (s *Service) Get(ctx context.Context, ref string) (*image.Image, error) {
	for again := true; ; again = false {
		img, err := s.find(ctx, ref)
		if err != nil {
			return nil, err
		}
		d, err := s.describe(img)
		if err == nil || !again || !gone(err) {
			return d, err
		}
		// It was removed or replaced in this moment: look again rather than keep removers waiting.
	}
}

func gone(err error) bool {
	return errors.Is(err, storage.ErrImageUnknown) || errors.Is(err, storage.ErrLayerUnknown) || errors.Is(err, fs.ErrNotExist)
}

func (s *Service) describe(img *storage.Image) (*image.Image, error) {
	t, err := s.tree()
	if err != nil {
		return nil, storeError(img.ID, err)
	}
	if img.TopLayer != "" && t.layers[img.TopLayer] == nil {
		return nil, storeError(img.ID, storage.ErrLayerUnknown)
	}
	return s.description(t, img)
}

// description takes the sizes of one reading of all layers.
func (s *Service) description(t *tree, img *storage.Image) (*image.Image, error) {
	c, err := s.config(img)
	if err != nil {
		return nil, err
	}
	out := &image.Image{
		ID: "sha256:" + img.ID, Created: created(img, c), Size: t.size(img.TopLayer), Shared: t.shared(img), Labels: c.raw.Config.Labels,
		OS: c.raw.OS, Arch: c.raw.Architecture, Config: c.config,
	}
	out.Names, out.Digests = split(img.Names)
	slices.Sort(out.Names)
	for _, n := range out.Names {
		for _, d := range img.Digests {
			if rd := repoOf(n) + "@" + d.String(); !slices.Contains(out.Digests, rd) {
				out.Digests = append(out.Digests, rd)
			}
		}
	}
	for _, d := range c.raw.RootFS.DiffIDs {
		out.Layers = append(out.Layers, d.String())
	}
	return out, nil
}
