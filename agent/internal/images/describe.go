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
func (s *Store) Get(ctx context.Context, ref string) (*image.Image, error) {
	for again := true; ; again = false {
		img, err := s.Find(ctx, ref)
		if err != nil {
			return nil, err
		}
		d, err := s.Describe(img)
		if err == nil || !again || !Gone(err) {
			return d, err
		}
		// It was removed or replaced in this moment: look again rather than keep removers waiting.
	}
}

// Gone says whether an image or a part of it was removed while it was read.
func Gone(err error) bool {
	return errors.Is(err, storage.ErrImageUnknown) || errors.Is(err, storage.ErrLayerUnknown) || errors.Is(err, fs.ErrNotExist)
}

// Describe describes an image that was found.
func (s *Store) Describe(img *storage.Image) (*image.Image, error) {
	t, err := s.tree()
	if err != nil {
		return nil, StoreError(img.ID, err)
	}
	if img.TopLayer != "" && t.layers[img.TopLayer] == nil {
		return nil, StoreError(img.ID, storage.ErrLayerUnknown)
	}
	return s.description(t, img)
}

// description takes the sizes of one reading of all layers.
func (s *Store) description(t *tree, img *storage.Image) (*image.Image, error) {
	c, err := s.config(img)
	if err != nil {
		return nil, err
	}
	out := &image.Image{
		ID: "sha256:" + img.ID, Created: created(img, c), Size: t.size(img.TopLayer), Shared: t.shared(img), Labels: c.raw.Config.Labels,
		OS: c.raw.OS, Arch: c.raw.Architecture, Variant: c.raw.Variant, Author: c.raw.Author, Config: c.config,
	}
	if n := len(c.raw.History); n > 0 {
		out.Comment = c.raw.History[n-1].Comment
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
