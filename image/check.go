package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// CheckOptions tune Check.
type CheckOptions struct {
	// Quick leaves out the comparison of mounted layers with what they were made of, which finds added files.
	Quick bool `json:"quick,omitempty"`
	// Repair removes what is damaged, with what is made of it: layers, images, stopped containers. Images can then be
	// pulled or built again.
	Repair bool `json:"repair,omitempty"`
}

// The kinds of problems.
const (
	ProblemLayer     = "layer"
	ProblemImage     = "image"
	ProblemContainer = "container"
)

// Problem is something damaged in a store.
type Problem struct {
	Kind    string   `json:"kind"`            // ProblemLayer, ProblemImage or ProblemContainer
	ID      string   `json:"id"`              // of an image with "sha256:"; of a layer the store's own
	Names   []string `json:"names,omitempty"` // of an image or a container
	Details []string `json:"details"`         // what is wrong
}

// CheckResult says what Check found.
type CheckResult struct {
	// Problems, layers first. An image is damaged when one of its layers is, a container when its image is.
	Problems []Problem `json:"problems,omitempty"`
	// Repaired says that they were removed.
	Repaired bool `json:"repaired,omitempty"`
}

// Check reads every file of the store's layers and compares it with the digests that the layers came with, and looks
// for configurations, manifests and layers that are missing or belong to nothing. No process can add to the store
// meanwhile.
//
// Errors: ErrInUse when something damaged is to be removed that a container runs on or that is read.
func (s *Store) Check(ctx context.Context, opts CheckOptions) (CheckResult, error) {
	var res CheckResult
	err := s.c.Do(ctx, api.StoreCheck, opts, &res)
	return res, err
}
