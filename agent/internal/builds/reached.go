//go:build linux

package builds

import (
	"context"

	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/image"
)

// reached is a reference whose registry is reached as image.Transport and Docker's rule for the loopback say. The
// options of a build are one set for all registries and for what ADD downloads: in those, plain HTTP for a cache on the
// loopback would turn the verification of every server off.
type reached struct {
	types.ImageReference
	by image.Transport
}

func (r *reached) context(ctx context.Context, sys *types.SystemContext) (*types.SystemContext, error) {
	sc := *sys
	if err := transfer.Reach(&sc, r.DockerReference(), r.by); err != nil {
		return nil, err
	}
	return &sc, transfer.LogIn(ctx, &sc, r.DockerReference())
}

// NewImage is the source with its manifest read.
func (r *reached) NewImage(ctx context.Context, sys *types.SystemContext) (types.ImageCloser, error) {
	sc, err := r.context(ctx, sys)
	if err != nil {
		return nil, err
	}
	return r.ImageReference.NewImage(ctx, sc)
}

// NewImageSource is for pulls.
func (r *reached) NewImageSource(ctx context.Context, sys *types.SystemContext) (types.ImageSource, error) {
	sc, err := r.context(ctx, sys)
	if err != nil {
		return nil, err
	}
	return r.ImageReference.NewImageSource(ctx, sc)
}

// NewImageDestination is for pushes.
func (r *reached) NewImageDestination(ctx context.Context, sys *types.SystemContext) (types.ImageDestination, error) {
	sc, err := r.context(ctx, sys)
	if err != nil {
		return nil, err
	}
	return r.ImageReference.NewImageDestination(ctx, sc)
}
