package images

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/distribution/reference"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
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
func (s *Store) Resolve(ctx context.Context, ref string) (*Resolved, error) {
	img, err := s.Find(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.Read(img)
}

// Read reads the configuration of an image that was found.
func (s *Store) Read(img *storage.Image) (*Resolved, error) {
	c, err := s.config(img)
	if err != nil {
		return nil, err
	}
	return &Resolved{
		ID: img.ID, TopLayer: img.TopLayer, Names: img.Names, OS: c.raw.OS, Arch: c.raw.Architecture, Config: c.config, Raw: c.raw,
	}, nil
}

// Find is Resolve without the configuration.
func (s *Store) Find(ctx context.Context, ref string) (*storage.Image, error) {
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
		return nil, InvalidName(ref, err)
	}
	img, err := s.byName(named)
	if prefix != "" && errors.Is(err, api.ErrNotFound) {
		return s.byPrefix(ref, prefix)
	}
	return img, err
}

// OfRepositories puts all names with a tag that a repository has in the place of a reference without tag and digest, as
// docker save does. What names no repository of the store stays, such as an id.
func (s *Store) OfRepositories(refs []string) ([]string, error) {
	imgs, err := s.store.Images()
	if err != nil {
		return nil, StoreError("", err)
	}
	var names []string
	for _, img := range imgs {
		tags, _ := split(img.Names)
		names = append(names, tags...)
	}
	slices.Sort(names)
	var out []string
	for _, ref := range refs {
		out = append(out, ofRepository(ref, names)...)
	}
	return out, nil
}

// ofRepository is OfRepositories for one reference, among the names with a tag.
func ofRepository(ref string, names []string) (found []string) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil || !reference.IsNameOnly(named) {
		return []string{ref}
	}
	for _, n := range names {
		if repoOf(n) == named.Name() {
			found = append(found, n)
		}
	}
	if found == nil {
		return []string{ref}
	}
	return found
}

func (s *Store) byName(named reference.Named) (*storage.Image, error) {
	if repo, d, ok := RepoDigest(named); ok {
		imgs, err := s.store.ImagesByDigest(d)
		if err != nil && !errors.Is(err, storage.ErrImageUnknown) {
			return nil, StoreError(named.String(), err)
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
		return nil, StoreError(name, err)
	}
	return img, nil
}

func (s *Store) byPrefix(ref, prefix string) (*storage.Image, error) {
	if len(prefix) == 64 {
		img, err := s.store.Image(prefix)
		if err != nil {
			return nil, StoreError(ref, err)
		}
		return img, nil
	}
	imgs, err := s.store.Images()
	if err != nil {
		return nil, StoreError(ref, err)
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

// StoreError explains an error of containers/storage.
func StoreError(ref string, err error) error {
	if errors.Is(err, storage.ErrImageUnknown) {
		return notFound(ref)
	}
	if diskspace.IsFull(err) {
		return api.Errorf(api.ErrNoSpace, "image %s: %w: %s", ref, err, diskspace.Remedy)
	}
	return api.Errorf(api.ErrCorrupt, "image %s: read the store: %w", ref, err)
}
