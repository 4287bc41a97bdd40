//go:build linux

package builds

import (
	"context"

	"go.podman.io/image/v5/docker/reference"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
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

// fetch looks for a result that is good in the repositories. It is nil where there is none.
func (x *execution) fetch(ctx context.Context, key string, good func(images.Result) bool) (*images.Result, error) {
	for _, repo := range x.b.cacheFrom {
		name, err := transfer.StepName(repo, key)
		if err != nil {
			return nil, err
		}
		img, err := x.b.s.transfers.FetchStep(ctx, name, x.b.req.Transport)
		if err != nil || img == nil {
			if err != nil && ctx.Err() == nil {
				x.b.out.note("cache %s: %v", repo.Name(), err)
			}
			continue
		}
		r, err := x.resultOf(ctx, img.ID, img.TopLayer)
		if err != nil {
			return nil, err
		}
		if !good(*r) {
			continue
		}
		return r, x.held.Remember(key, *r)
	}
	return nil, ctx.Err()
}

// resultOf reads what a step left off its image.
func (x *execution) resultOf(ctx context.Context, id, top string) (*images.Result, error) {
	cfg, err := x.b.s.images.Docker(ctx, "sha256:"+id)
	if err != nil {
		return nil, err
	}
	r := &images.Result{Layer: top, Image: id}
	if n := len(cfg.RootFS.DiffIDs); n > 0 {
		r.DiffID = cfg.RootFS.DiffIDs[n-1]
	}
	if cfg.Created != nil {
		r.Created = *cfg.Created
	}
	for _, h := range cfg.History {
		if !h.EmptyLayer && h.Created != nil {
			r.Created = *h.Created
		}
	}
	return r, nil
}

// send leaves the steps' results in the repositories.
func (x *execution) send(ctx context.Context) error {
	for _, repo := range x.b.cacheTo {
		for _, key := range x.keys {
			r, ok := x.held.Result(key)
			if !ok || r.Image == "" || !x.held.HasImage(r.Image) {
				continue // it is gone; the build does without it, too
			}
			name, err := transfer.StepName(repo, key)
			if err != nil {
				return err
			}
			if err := x.b.s.transfers.SendStep(ctx, r.Image, name, x.b.req.Transport); err != nil {
				return err
			}
		}
	}
	return nil
}
