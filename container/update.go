package container

import (
	"context"
	"net/http"
)

// Update changes limits of the container, at once if it runs, and for later starts. Fields that are zero keep what they
// have; PIDs and MemorySwap become unlimited by -1. Ulimits, ShmSize, OOMScoreAdj and CgroupParent can't change.
//
// Errors: ErrNotFound, ErrInvalidArgument (also a memory limit below what is in use), ErrUnsupported (no controller).
func (c *Container) Update(ctx context.Context, limits Resources) error {
	return c.c.Do(ctx, http.MethodPost, c.path("update"), limits, nil)
}
