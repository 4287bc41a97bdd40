package images

import (
	"context"
	"net/http"
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handleTag() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, in api.TagRequest) (wire.None, error) {
		return wire.None{}, s.Tag(r.Context(), in.Ref, in.Name)
	})
}

// Tag gives the image ref another name; an image that had the name loses it.
func (s *Service) Tag(ctx context.Context, ref, name string) error {
	full, err := NormalizeTag(name)
	if err != nil {
		return err
	}
	held, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer held.Release()
	img, err := s.Find(ctx, ref)
	if err != nil {
		return err
	}
	if err := held.AddNames(img.ID, full); err != nil {
		return err
	}
	s.Tell(container.EventTag, img.ID, full)
	return nil
}

func (s *Service) handleUntag() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, in api.Name) (wire.None, error) {
		return wire.None{}, s.Untag(r.Context(), in.Name)
	})
}

// Untag takes a name away; the image stays.
func (s *Service) Untag(ctx context.Context, name string) error {
	named, err := Normalize(name)
	if err != nil {
		return err
	}
	held, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer held.Release()
	img, err := s.Find(ctx, name)
	if err != nil {
		return err
	}
	if !slices.Contains(img.Names, named.String()) {
		return api.Errorf(api.ErrNotFound, "image name %s: the image %s does not have it by that spelling", named, names.Short(img.ID))
	}
	if err := s.store.RemoveNames(img.ID, []string{named.String()}); err != nil {
		return StoreError(name, err)
	}
	s.Tell(container.EventUntag, img.ID, named.String())
	return held.MarkResult(img.ID)
}
