package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// UpdateOptions say what to change. A field that is zero is not changed.
type UpdateOptions struct {
	// Resources are the new limits. -1 for PIDs and MemorySwap takes the limit away. BlockIO, Ulimits, ShmSize,
	// OOMScoreAdj, CgroupParent and Devices can't be changed.
	Resources Resources `json:"resources,omitzero"`
	// Restart replaces the restart policy. RestartNo takes it away, and calls off a restart that is due.
	Restart RestartPolicy `json:"restart,omitzero"`
}

// Update changes limits and the restart policy of the container: at once if it runs, and for later starts. After an
// error nothing is changed.
//
// Errors: ErrNotFound when the container is not there; ErrInvalidArgument when a field is not valid or can't be changed,
// a memory limit is below what is in use, or a container with AutoRemove would get a restart policy; ErrUnsupported when
// the host has no cgroup controller for a limit.
func (c *Container) Update(ctx context.Context, opts UpdateOptions) error {
	return c.c.Do(ctx, api.ContainerUpdate.Of(c.id), opts, nil)
}
