package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Change is a file of a container that differs from its image.
type Change struct {
	Kind ChangeKind `json:"kind"`
	Path string     `json:"path"` // absolute
}

// ChangeKind says how a file differs. The values are the letters of docker diff.
type ChangeKind string

// The kinds of changes.
const (
	ChangeAdded    ChangeKind = "A"
	ChangeModified ChangeKind = "C" // also of a directory in which something changed
	ChangeDeleted  ChangeKind = "D"
)

// Diff lists the files of the container that differ from its image, sorted by path. Files in volumes and other mounts,
// and those that the engine mounts, are left out.
//
// Errors: ErrNotFound when the container is not there.
func (c *Container) Diff(ctx context.Context) ([]Change, error) {
	var out []Change
	err := c.c.Do(ctx, api.ContainerDiff.Of(c.id), nil, &out)
	return out, err
}
