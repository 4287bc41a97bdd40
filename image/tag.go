package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Tag gives the image ref a further name. If another image had that name before, that image no longer has it.
//
// Errors: ErrNotFound when there is no such image; ErrAmbiguous when several ids have the prefix; ErrInvalidReference
// when ref or name is not valid, or name has a digest or is sha256, which would be read as an id.
func (s *Store) Tag(ctx context.Context, ref, name string) error {
	return s.c.Do(ctx, api.ImageTag, api.TagRequest{Ref: ref, Name: name}, nil)
}

// Untag removes a name from an image. The image stays in the store, even if that was its last name.
//
// Errors: ErrNotFound when no image has the name; ErrInvalidReference when name is not valid.
func (s *Store) Untag(ctx context.Context, name string) error {
	return s.c.Do(ctx, api.ImageUntag, api.Name{Name: name}, nil)
}
