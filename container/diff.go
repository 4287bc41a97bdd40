package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// Change is a file of the container that is not as its image has it.
type Change struct {
	Kind ChangeKind `json:"kind"`
	Path string     `json:"path"` // absolute
}

// ChangeKind is how a file differs, with docker diff's letters.
type ChangeKind string

// The kinds of changes.
const (
	ChangeAdded    ChangeKind = "A"
	ChangeModified ChangeKind = "C" // a directory too, when something in it changed
	ChangeDeleted  ChangeKind = "D"
)

// Diff lists what differs from the image in the container's own file system, by path; without what is in volumes and
// other mounts, and without the files that the engine mounts.
//
// Errors: ErrNotFound.
func (c *Container) Diff(ctx context.Context) ([]Change, error) {
	var out []Change
	err := c.c.Do(ctx, api.ContainerDiff.Of(c.id), nil, &out)
	return out, err
}
