package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// ListOptions choose what List returns. An image is listed if it fits every field that is given.
type ListOptions struct {
	// All lists the intermediate images of builds too.
	All bool `json:"all,omitempty"`
	// Dangling lists only images without a name.
	Dangling bool `json:"dangling,omitempty"`
	// References are patterns in the form of path.Match. An image is listed if one of them matches one of its names. Each
	// name is compared as Docker shortens it, with its tag and without it. Examples are app, app:1.* and example.com/*/app.
	// Default: images of all names, and without a name.
	References []string `json:"references,omitempty"`
	// Before and Since are references of images. Only images that were created before the image Before and after the image
	// Since are listed. Default: no limit.
	Before string `json:"before,omitempty"`
	Since  string `json:"since,omitempty"`
	Filter
}

// Filter chooses images by their configuration. The zero value chooses all.
type Filter struct {
	// Until chooses images that were created before this time. The time is in the image: one that is built reproducibly
	// may say 1970.
	Until time.Time `json:"until,omitzero"`
	// Labels chooses images that have all of these. An empty value fits any value.
	Labels map[string]string `json:"labels,omitempty"`
	// NotLabels leaves out images that have all of these. An empty value fits any value.
	NotLabels map[string]string `json:"notLabels,omitempty"`
}

// List describes images of the store, newest first.
//
// Errors: ErrInvalidArgument when a pattern is not valid; ErrNotFound, ErrAmbiguous and ErrInvalidReference for Before
// and Since.
func (s *Store) List(ctx context.Context, opts ListOptions) ([]Image, error) {
	var imgs []Image
	err := s.c.Do(ctx, api.ImageList, opts, &imgs)
	return imgs, err
}
