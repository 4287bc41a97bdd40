package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Rename gives the container another name, also while it runs. Handles that were made before keep the old name; Inspect
// returns the new one. The host name of the container stays.
//
// Errors: ErrNotFound when the container is not there; ErrInvalidArgument when the name is not valid; ErrNameInUse when
// another container has it.
func (c *Container) Rename(ctx context.Context, name string) error {
	return c.c.Do(ctx, api.ContainerRename.Of(c.id), api.Name{Name: name}, nil)
}
