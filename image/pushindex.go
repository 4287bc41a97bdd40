package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// PushIndex makes one reference of several images, each for a platform of its own, as docker buildx does with --platform
// and podman manifest push --all: it pushes the images, which get no tags, and then an index of them as ref. A pull of ref
// takes the image that is made for its platform. It returns the digest of the index.
//
// The index is OCI's; if all images have Docker's manifests, it is Docker's manifest list. ref must not be an id or a digest, nor
// may opts.Destination be set.
//
// Errors: those of Push; ErrInvalidArgument when there are no images, two are for the same platform or one does not say
// for which it is.
func (s *Store) PushIndex(ctx context.Context, ref string, images []string, opts PushOptions) (digest string, err error) {
	if opts.Destination != "" {
		return "", api.Errorf(ErrInvalidArgument, "push index %s: Destination is set to %s: the reference says where to", ref, opts.Destination)
	}
	var res api.Pushed
	req := api.PushIndexRequest[PushOptions]{Ref: ref, Images: images, Options: opts}
	err = s.c.Stream(ctx, api.ImagePushIndex, req, nil, progressTo(opts.Progress), &res)
	return res.Digest, err
}
