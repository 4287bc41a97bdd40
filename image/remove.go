package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// RemoveOptions tune Remove.
type RemoveOptions struct {
	// Force removes an image given by its id though it has several names or stopped containers are made of it; those
	// containers are removed too. A running container always keeps its image.
	Force bool `json:"force,omitempty"`
}

// RemoveResult says what went.
type RemoveResult struct {
	Untagged []string `json:"untagged,omitempty"` // names
	Deleted  []string `json:"deleted,omitempty"`  // ids of images
}

// Remove takes the name ref away, and the image too if that was its last name and no container uses it, as
// docker image rm does. By id it removes the image with its one name.
//
// Errors: ErrNotFound, ErrAmbiguous, ErrInvalidReference, ErrInUse.
func (s *Store) Remove(ctx context.Context, ref string, opts RemoveOptions) (RemoveResult, error) {
	var res RemoveResult
	err := s.c.Do(ctx, api.ImageRemove, api.Request[RemoveOptions]{Ref: ref, Options: opts}, &res)
	return res, err
}

// PruneOptions tune Prune.
type PruneOptions struct {
	// All removes every image that no container uses. Default: those without a name.
	All bool `json:"all,omitempty"`
	// Filter limits it further. With a filter the caches of builds stay, but for the steps that led to what goes.
	Filter
}

// PruneResult says what went.
type PruneResult struct {
	Deleted []string `json:"deleted,omitempty"` // ids of images
	Space   int64    `json:"space"`             // bytes freed
}

// Prune removes images that nothing uses, and the caches of builds that belong to them.
func (s *Store) Prune(ctx context.Context, opts PruneOptions) (PruneResult, error) {
	var res PruneResult
	err := s.c.Do(ctx, api.ImagePrune, opts, &res)
	return res, err
}
