package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// CheckOptions tune Check.
type CheckOptions struct {
	// Quick compares what is in the files of layers, and not their modes, owners and links. It does not find files that were
	// added to a layer.
	Quick bool `json:"quick,omitempty"`
	// Repair removes what is damaged, and the images and stopped containers that are made of it. Images can then be
	// pulled or built again. Default: nothing is removed.
	Repair bool `json:"repair,omitempty"`
}

// The values of Problem.Kind.
const (
	ProblemLayer     = "layer"
	ProblemImage     = "image"
	ProblemContainer = "container"
)

// Problem describes something damaged in a store.
type Problem struct {
	Kind    string   `json:"kind"`            // ProblemLayer, ProblemImage or ProblemContainer
	ID      string   `json:"id"`              // for an image "sha256:" and 64 digits; for a layer its id in the store
	Names   []string `json:"names,omitempty"` // of an image or a container
	Details []string `json:"details"`         // what is wrong
}

// CheckResult says what Check found.
type CheckResult struct {
	// Problems lists layers first. An image is damaged if one of its layers is, and a container if its image is.
	Problems []Problem `json:"problems,omitempty"`
	// Repaired says that the damaged parts were removed.
	Repaired bool `json:"repaired,omitempty"`
}

// Check reads every file of the layers and compares it with the digests that the layers came with, and names, types,
// modes, owners and links with what the layers' archives say. It also looks for configurations, manifests and layers that
// are missing or that belong to no image. No process can add to the store at the same time.
//
// Errors: ErrInUse when Repair would remove something that a running container or a reader uses.
func (s *Store) Check(ctx context.Context, opts CheckOptions) (CheckResult, error) {
	var res CheckResult
	err := s.c.Do(ctx, api.StoreCheck, opts, &res)
	return res, err
}
