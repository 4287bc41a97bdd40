package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// ListOptions choose what List returns: the images that fit all that is set.
type ListOptions struct {
	// All includes the intermediate images of builds.
	All bool `json:"all,omitempty"`
	// Dangling keeps images without a name only.
	Dangling bool `json:"dangling,omitempty"`
	// References keeps images that have a name that one of these patterns fits, as docker images --filter reference=
	// takes them: those of path.Match, for the name as Docker writes it short, with its tag or without: app, app:1.*,
	// example.com/*/app.
	References []string `json:"references,omitempty"`
	// Before keeps images that were created before this one, Since those that were created after it.
	Before string `json:"before,omitempty"`
	Since  string `json:"since,omitempty"`
	Filter
}

// Filter chooses images by their configuration, for List and Prune. The zero value chooses all.
type Filter struct {
	// Until chooses images that were created before this time, by what they say themselves: one that is built
	// reproducibly may say 1970.
	Until time.Time `json:"until,omitzero"`
	// Labels chooses images that have all of these; an empty value fits any.
	Labels map[string]string `json:"labels,omitempty"`
	// NotLabels leaves out images that have all of these; an empty value fits any.
	NotLabels map[string]string `json:"notLabels,omitempty"`
}

// List returns the store's images, newest first.
//
// Errors: ErrInvalidArgument for a pattern that is none; ErrNotFound, ErrAmbiguous and ErrInvalidReference of Before and
// Since.
func (s *Store) List(ctx context.Context, opts ListOptions) ([]Image, error) {
	var imgs []Image
	err := s.c.Do(ctx, api.ImageList, opts, &imgs)
	return imgs, err
}
