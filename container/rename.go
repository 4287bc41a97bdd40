package container

import (
	"context"
	"net/http"

	"github.com/caisson-dev/caisson/internal/client"
)

// Rename gives the container another name, also while it runs. Name of handles made before keeps the old one; Inspect
// has the new. The host name stays.
//
// Errors: ErrNotFound, ErrInvalidArgument, ErrNameInUse.
func (c *Container) Rename(ctx context.Context, name string) error {
	return c.c.Do(ctx, http.MethodPost, client.Query(c.path("rename"), "name", name), nil, nil)
}
