package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// UpdateOptions say what to change. Fields that are zero keep what the container has.
type UpdateOptions struct {
	// Resources to limit; PIDs and MemorySwap become unlimited by -1. BlockIO, Ulimits, ShmSize, OOMScoreAdj,
	// CgroupParent and Devices can't change.
	Resources Resources `json:"resources,omitzero"`
	// Restart replaces the restart policy; RestartNo takes it away, and calls off a restart that is due.
	Restart RestartPolicy `json:"restart,omitzero"`
}

// Update changes limits and the restart policy of the container, at once if it runs, and for later starts.
//
// Errors: ErrNotFound, ErrInvalidArgument (also a memory limit below what is in use, and a restart policy for a container
// with AutoRemove), ErrUnsupported (no controller). After an error nothing is changed.
func (c *Container) Update(ctx context.Context, opts UpdateOptions) error {
	return c.c.Do(ctx, api.ContainerUpdate.Of(c.id), opts, nil)
}
