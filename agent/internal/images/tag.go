package images

import (
	"context"
	"net/http"
	"slices"

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
	ctx, release, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	img, err := s.find(ctx, ref)
	if err != nil {
		return err
	}
	if err := s.store.AddNames(img.ID, []string{full}); err != nil {
		return storeError(ref, err)
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
	ctx, release, err := s.Hold(ctx)
	if err != nil {
		return err
	}
	defer release()
	img, err := s.find(ctx, name)
	if err != nil {
		return err
	}
	if !slices.Contains(img.Names, named.String()) {
		return api.Errorf(api.ErrNotFound, "image name %s: the image %s does not have it by that spelling", named, short(img.ID))
	}
	if err := s.store.RemoveNames(img.ID, []string{named.String()}); err != nil {
		return storeError(name, err)
	}
	s.Tell(container.EventUntag, img.ID, named.String())
	return s.MarkResult(img.ID)
}

// MarkResult keeps an image that a user knows from being taken for a step of a build when it has no name.
func (s *Service) MarkResult(id string) error {
	if err := s.store.SetImageBigData(id, resultKey, []byte("1"), nil); err != nil {
		return storeError(id, err)
	}
	return nil
}
