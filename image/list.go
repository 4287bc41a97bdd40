package image

import (
	"context"
	"net/http"
)

// ListOptions choose what List returns.
type ListOptions struct {
	// All includes the intermediate images of builds.
	All bool `json:"all,omitempty"`
	// Dangling keeps images without a name only.
	Dangling bool `json:"dangling,omitempty"`
}

// List returns the store's images, newest first.
func (s *Store) List(ctx context.Context, opts ListOptions) ([]Image, error) {
	var imgs []Image
	err := s.c.Do(ctx, http.MethodPost, "/images/list", opts, &imgs)
	return imgs, err
}
