package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Tag gives the image ref another name. If another image has the name, it loses it.
//
// Errors: ErrNotFound when there is no such image; ErrAmbiguous when several ids have the prefix; ErrInvalidReference
// when ref or name is not valid, or name has a digest or is sha256, which would be read as an id.
func (s *Store) Tag(ctx context.Context, ref, name string) error {
	return s.c.Do(ctx, api.ImageTag, api.TagRequest{Ref: ref, Name: name}, nil)
}

// Untag takes a name away. The image stays in the store, also without a name.
//
// Errors: ErrNotFound when no image has the name; ErrInvalidReference when name is not valid.
func (s *Store) Untag(ctx context.Context, name string) error {
	return s.c.Do(ctx, api.ImageUntag, api.Name{Name: name}, nil)
}
