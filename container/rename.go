package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Rename gives the container another name, also while it runs. Name of handles made before keeps the old one; Inspect
// has the new. The host name stays.
//
// Errors: ErrNotFound, ErrInvalidArgument, ErrNameInUse.
func (c *Container) Rename(ctx context.Context, name string) error {
	return c.c.Do(ctx, api.ContainerRename.Of(c.id), api.Name{Name: name}, nil)
}
