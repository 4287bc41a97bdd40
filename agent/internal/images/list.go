package images

import (
	"context"
	"net/http"
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
)

func (s *Service) handleList() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, opts image.ListOptions) ([]image.Image, error) { return s.List(r.Context(), opts) })
}

// List describes the images, newest first. What a build made on the way shows with opts.All only.
func (s *Service) List(ctx context.Context, opts image.ListOptions) ([]image.Image, error) {
	f, err := s.listFilter(ctx, opts)
	if err != nil {
		return nil, err
	}
	t, err := s.tree()
	if err != nil {
		return nil, StoreError("list", err)
	}
	return s.listed(ctx, t, f)
}

// listed describes the images of one reading of the store.
func (s *Service) listed(ctx context.Context, t *tree, f *listFilter) ([]image.Image, error) {
	out := make([]image.Image, 0, len(t.images))
	for i := range t.images {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		img := &t.images[i]
		if !f.byName(img.Names) {
			continue
		}
		if !f.All && !t.visible(img) {
			continue
		}
		d, err := s.description(t, img)
		if Gone(err) {
			continue // just now
		}
		if err != nil {
			// One broken image must not hide the others.
			s.log.Warn("list images", "error", err)
			d = &image.Image{ID: "sha256:" + img.ID, Created: img.Created}
			d.Names, d.Digests = split(img.Names)
		}
		if !f.byContent(d) {
			continue
		}
		out = append(out, *d)
	}
	slices.SortStableFunc(out, func(a, b image.Image) int { return b.Created.Compare(a.Created) })
	return out, nil
}
