package images

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/distribution/reference"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// Resolved is an image that a reference led to.
type Resolved struct {
	ID       string // hexadecimal, without "sha256:"
	TopLayer string
	Names    []string
	OS, Arch string
	Config   image.Config
	Raw      v1.Image
}

// Resolve finds an image by name, name:tag, name@digest, id or a prefix of its id.
//
// Errors: api.ErrNotFound, ErrAmbiguous, ErrInvalidReference.
func (s *Service) Resolve(ctx context.Context, ref string) (*Resolved, error) {
	img, err := s.find(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.resolved(img)
}

func (s *Service) resolved(img *storage.Image) (*Resolved, error) {
	c, err := s.config(img)
	if err != nil {
		return nil, err
	}
	return &Resolved{
		ID: img.ID, TopLayer: img.TopLayer, Names: img.Names, OS: c.raw.OS, Arch: c.raw.Architecture, Config: c.config, Raw: c.raw,
	}, nil
}

// find is Resolve without the configuration.
func (s *Service) find(ctx context.Context, ref string) (*storage.Image, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	prefix, explicit := idPrefix(ref)
	if len(prefix) == 64 || explicit {
		return s.byPrefix(ref, prefix)
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		if prefix != "" {
			return s.byPrefix(ref, prefix)
		}
		return nil, invalid(ref, err)
	}
	img, err := s.byName(named)
	if prefix != "" && errors.Is(err, api.ErrNotFound) {
		return s.byPrefix(ref, prefix)
	}
	return img, err
}

func (s *Service) byName(named reference.Named) (*storage.Image, error) {
	if repo, d, ok := repoDigest(named); ok {
		imgs, err := s.store.ImagesByDigest(d)
		if err != nil && !errors.Is(err, storage.ErrImageUnknown) {
			return nil, storeError(named.String(), err)
		}
		for _, img := range imgs {
			if slices.ContainsFunc(img.Names, func(n string) bool { return repoOf(n) == repo }) {
				return img, nil
			}
		}
		return nil, notFound(named.String())
	}
	name := reference.TagNameOnly(named).String()
	// Image would take an id of another image too, if one were named so; names with a tag can't be ids.
	img, err := s.store.Image(name)
	if err != nil {
		return nil, storeError(name, err)
	}
	return img, nil
}

func (s *Service) byPrefix(ref, prefix string) (*storage.Image, error) {
	if len(prefix) == 64 {
		img, err := s.store.Image(prefix)
		if err != nil {
			return nil, storeError(ref, err)
		}
		return img, nil
	}
	imgs, err := s.store.Images()
	if err != nil {
		return nil, storeError(ref, err)
	}
	var found *storage.Image
	var ids []string
	for i := range imgs {
		if strings.HasPrefix(imgs[i].ID, prefix) {
			found = &imgs[i]
			ids = append(ids, imgs[i].ID[:12])
		}
	}
	switch len(ids) {
	case 0:
		return nil, notFound(ref)
	case 1:
		return found, nil
	}
	return nil, api.Errorf(api.ErrAmbiguous, "image id prefix %q fits %d images (%s): give more digits", ref, len(ids), strings.Join(ids, ", "))
}

func notFound(ref string) error {
	return api.Errorf(api.ErrNotFound, "image %s: not in the store: pull or build it first", ref)
}

// storeError explains an error of containers/storage.
func storeError(ref string, err error) error {
	if errors.Is(err, storage.ErrImageUnknown) {
		return notFound(ref)
	}
	return api.Errorf(api.ErrCorrupt, "image %s: read the store: %w", ref, err)
}
