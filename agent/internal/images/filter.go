package images

import (
	"context"
	"path"
	"slices"
	"time"

	"github.com/distribution/reference"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// created is when an image says that it was made.
func created(img *storage.Image, c *parsed) time.Time {
	if c.raw.Created != nil {
		return *c.raw.Created
	}
	return img.Created
}

// everything says whether a filter chooses all.
func everything(f image.Filter) bool {
	return f.Until.IsZero() && len(f.Labels) == 0 && len(f.NotLabels) == 0
}

// chosen says whether a filter chooses an image with these labels and this time of creation.
func chosen(f image.Filter, labels map[string]string, created time.Time) bool {
	if !f.Until.IsZero() && !created.Before(f.Until) {
		return false
	}
	return names.Labelled(labels, f.Labels) && (len(f.NotLabels) == 0 || !names.Labelled(labels, f.NotLabels))
}

// listFilter is ListOptions with the images that it names looked up.
type listFilter struct {
	image.ListOptions
	before, since time.Time
}

func (s *Service) listFilter(ctx context.Context, opts image.ListOptions) (*listFilter, error) {
	f := &listFilter{ListOptions: opts}
	for _, p := range opts.References {
		if _, err := path.Match(p, ""); err != nil {
			return nil, api.Errorf(api.ErrInvalidArgument, "ListOptions.References %q: %w", p, err)
		}
	}
	for _, c := range []struct {
		ref string
		at  *time.Time
	}{{opts.Before, &f.before}, {opts.Since, &f.since}} {
		if c.ref == "" {
			continue
		}
		img, err := s.Get(ctx, c.ref)
		if err != nil {
			return nil, err
		}
		*c.at = img.Created
	}
	return f, nil
}

// byName says whether an image may be in the list, as far as its names tell.
func (f *listFilter) byName(names []string) bool {
	if len(f.References) == 0 {
		return !f.Dangling || len(names) == 0
	}
	return !f.Dangling && slices.ContainsFunc(names, func(n string) bool {
		ref, err := reference.ParseNormalizedNamed(n)
		return err == nil && slices.ContainsFunc(f.References, func(p string) bool {
			ok, _ := reference.FamiliarMatch(p, ref) // the pattern is good
			return ok
		})
	})
}

// byContent says the same of its configuration.
func (f *listFilter) byContent(img *image.Image) bool {
	return (f.Before == "" || img.Created.Before(f.before)) && (f.Since == "" || img.Created.After(f.since)) &&
		chosen(f.Filter, img.Labels, img.Created)
}
