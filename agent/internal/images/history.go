package images

import (
	"context"
	"net/http"
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handleHistory() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, in api.Ref) ([]image.Step, error) { return s.History(r.Context(), in.Ref) })
}

// History returns the steps that made an image, the last first.
func (s *Service) History(ctx context.Context, ref string) ([]image.Step, error) {
	img, err := s.Find(ctx, ref)
	if err != nil {
		return nil, err
	}
	c, err := s.config(img)
	if err != nil {
		return nil, err
	}
	var sizes []int64 // lowest first
	for id := img.TopLayer; id != ""; {
		l, err := s.store.Layer(id)
		if err != nil {
			return nil, StoreError(ref, err)
		}
		sizes = append(sizes, max(0, l.UncompressedSize))
		id = l.Parent
	}
	slices.Reverse(sizes)
	steps := make([]image.Step, 0, len(c.raw.History))
	layer := 0
	for _, h := range c.raw.History {
		st := image.Step{CreatedBy: h.CreatedBy, Comment: h.Comment}
		if h.Created != nil {
			st.Created = *h.Created
		}
		if !h.EmptyLayer && layer < len(sizes) && layer < len(c.raw.RootFS.DiffIDs) {
			st.Size, st.Layer = sizes[layer], c.raw.RootFS.DiffIDs[layer].String()
			layer++
		}
		steps = append(steps, st)
	}
	slices.Reverse(steps)
	return steps, nil
}
