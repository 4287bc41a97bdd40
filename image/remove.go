package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// RemoveOptions tune Remove.
type RemoveOptions struct {
	// Force removes an image that is given by its id even if it has several names. An image that containers are made of
	// loses the name that is given, or by its id all names, and stays without a name as long as those containers are there,
	// like docker rmi -f. By its id that is an error while one of them runs.
	Force bool `json:"force,omitempty"`
}

// RemoveResult says what was removed.
type RemoveResult struct {
	Untagged []string `json:"untagged,omitempty"` // names
	Deleted  []string `json:"deleted,omitempty"`  // ids of images
}

// Remove untags the image that has the name ref. If that was the last name of the image and no container uses the image,
// Remove also removes the image, like docker image rm. If ref is an id, Remove removes the image and its name; an image of
// several names needs Force.
//
// Errors: ErrNotFound when there is no such image; ErrAmbiguous when several ids have the prefix; ErrInvalidReference
// when ref is not valid; ErrInUse when a container uses the image, or ref is an id and the image has several names.
func (s *Store) Remove(ctx context.Context, ref string, opts RemoveOptions) (RemoveResult, error) {
	var res RemoveResult
	err := s.c.Do(ctx, api.ImageRemove, api.Request[RemoveOptions]{Ref: ref, Options: opts}, &res)
	return res, err
}

// PruneOptions choose what Prune removes.
type PruneOptions struct {
	// All removes every image that no container uses. Default: only those without a name.
	All bool `json:"all,omitempty"`
	// Filter limits it further. With a filter the results of build steps stay, except those that belong to what is
	// removed.
	Filter
}

// PruneResult says what was removed.
type PruneResult struct {
	Deleted []string `json:"deleted,omitempty"` // ids of images
	Space   int64    `json:"space"`             // bytes freed
}

// Prune removes images that nothing uses, and the results of build steps that belong to them.
//
// Errors: those that every function has.
func (s *Store) Prune(ctx context.Context, opts PruneOptions) (PruneResult, error) {
	var res PruneResult
	err := s.c.Do(ctx, api.ImagePrune, opts, &res)
	return res, err
}
