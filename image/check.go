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
	// pulled or built again. A volume is kept with what is in it; its labels are lost if its description can't be read.
	// Default: nothing is removed.
	Repair bool `json:"repair,omitempty"`
}

// The values of Problem.Kind.
const (
	ProblemLayer     = "layer"
	ProblemImage     = "image"
	ProblemContainer = "container"
	ProblemVolume    = "volume"
	ProblemNetwork   = "network"
)

// Problem describes something damaged in a store.
type Problem struct {
	Kind    string   `json:"kind"`            // ProblemLayer, ProblemImage, ProblemContainer, ProblemVolume or ProblemNetwork
	ID      string   `json:"id"`              // for an image "sha256:" and 64 digits; of a layer in the store; a volume's or network's name
	Names   []string `json:"names,omitempty"` // of an image, a container, a volume or a network
	Details []string `json:"details"`         // what is wrong
}

// CheckResult says what Check found.
type CheckResult struct {
	// Problems lists layers first, then images, containers, volumes and networks. An image is damaged if one of its layers
	// is, and a container if its image is.
	Problems []Problem `json:"problems,omitempty"`
	// Repaired says that the damaged parts were removed.
	Repaired bool `json:"repaired,omitempty"`
}

// Check reads every file of the layers and compares it with the digests that the layers came with, and names, types,
// modes, owners and links with what the layers' archives say. It also looks for configurations, manifests and layers that
// are missing or that belong to no image, and for containers, volumes and networks whose files can't be read. No process
// can add to the store at the same time.
//
// Errors: ErrInUse when Repair would remove something that a running container or a reader uses, or a network that a
// container is on.
func (s *Store) Check(ctx context.Context, opts CheckOptions) (CheckResult, error) {
	var res CheckResult
	err := s.c.Do(ctx, api.StoreCheck, opts, &res)
	return res, err
}
