//go:build linux

package builds

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"go.podman.io/buildah/define"
	"go.podman.io/image/v5/docker/reference"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/internal/api"
)

// repositories reads the names of a field that holds repositories of a registry.
func repositories(field string, names []string) ([]reference.Named, error) {
	var out []reference.Named
	for _, name := range names {
		named, err := reference.ParseNormalizedNamed(name)
		if err != nil {
			return nil, api.Errorf(api.ErrInvalidReference, "build: %s %q: %w", field, name, err)
		}
		if !reference.IsNameOnly(named) {
			return nil, api.Errorf(api.ErrInvalidArgument, "build: %s %q: the build chooses the tags: name a repository, such as registry.example.com/team/cache", field, name)
		}
		out = append(out, named)
	}
	return out, nil
}

// findCaches checks the repositories of steps' results.
func (b *build) findCaches() (err error) {
	if b.cacheFrom, err = repositories("Cache.From", b.req.Cache.From); err != nil {
		return err
	}
	b.cacheTo, err = repositories("Cache.To", b.req.Cache.To)
	return err
}

// caches sets where steps' results are looked for and kept.
func (b *build) caches(o *define.BuildOptions) {
	o.CacheFrom, o.CacheTo = b.cacheFrom, b.cacheTo
	reach := func(ref types.ImageReference) (types.ImageReference, error) {
		return &reached{ImageReference: ref, by: b.req.Transport}, nil
	}
	o.CachePullSourceLookupReferenceFunc = reach
	o.CachePushDestinationLookupReferenceFunc = reach
}

// forgetCacheNames takes away the names that imagebuildah gives to the steps' results that it fetched: a user did not
// ask for them, and List shows what has a name.
func (b *build) forgetCacheNames() error {
	if len(b.cacheFrom) == 0 {
		return nil
	}
	store := b.s.images.Storage()
	list, err := store.Images()
	if err != nil {
		return err
	}
	var errs []error
	for _, img := range list {
		var ours []string
		for _, name := range img.Names {
			if b.isCacheName(name) {
				ours = append(ours, name)
			}
		}
		if len(ours) == 0 {
			continue
		}
		if err := store.RemoveNames(img.ID, ours); err != nil && !errors.Is(err, storage.ErrImageUnknown) {
			errs = append(errs, fmt.Errorf("names of cached steps: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (b *build) isCacheName(name string) bool {
	named, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return false
	}
	tagged, ok := named.(reference.Tagged)
	if !ok || len(tagged.Tag()) != 64 {
		return false
	}
	if _, err := hex.DecodeString(tagged.Tag()); err != nil {
		return false
	}
	return slices.ContainsFunc(b.cacheFrom, func(n reference.Named) bool { return n.Name() == named.Name() })
}
