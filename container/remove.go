package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// RemoveOptions tune Remove.
type RemoveOptions struct {
	// Force kills a running container first. Default: a running container is not removed.
	Force bool `json:"force,omitempty"`
	// KeepVolumes keeps the anonymous volumes of the container, like docker rm without -v. PruneVolumes removes them.
	// Default: they are removed.
	KeepVolumes bool `json:"keepVolumes,omitempty"`
}

// Remove removes the container, its file system, its log and, unless KeepVolumes is set, its anonymous volumes.
//
// Errors: ErrNotFound when the container is not there; ErrRunning when it runs and Force is not set.
func (c *Container) Remove(ctx context.Context, opts RemoveOptions) error {
	return c.c.Do(ctx, api.ContainerRemove.Of(c.id), opts, nil)
}
