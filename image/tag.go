package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Tag gives the image ref another name. A name that another image had moves to this one.
//
// Errors: ErrNotFound, ErrAmbiguous, ErrInvalidReference.
func (s *Store) Tag(ctx context.Context, ref, name string) error {
	return s.c.Do(ctx, api.ImageTag, api.TagRequest{Ref: ref, Name: name}, nil)
}

// Untag takes a name away. The image stays, dangling if it was its last name.
//
// Errors: ErrNotFound, ErrInvalidReference.
func (s *Store) Untag(ctx context.Context, name string) error {
	return s.c.Do(ctx, api.ImageUntag, api.Name{Name: name}, nil)
}
