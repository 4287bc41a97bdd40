package image

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// PushIndex makes one reference of several images, each for a platform of its own, like docker buildx with --platform
// and podman manifest push --all. It pushes the images, which get no tags, and then an index of them as ref, and returns
// the digest of the index. A pull of ref takes the image for its platform.
//
// The index is in OCI's format. If all images have Docker's manifests, it is Docker's manifest list. The ref must not be
// an id or a digest, and opts.Destination must not be set.
//
// Errors: those of Push; ErrInvalidArgument when there are no images, two are for the same platform, or one does not say
// for which it is.
func (s *Store) PushIndex(ctx context.Context, ref string, images []string, opts PushOptions) (digest string, err error) {
	if opts.Destination != "" {
		return "", api.Errorf(ErrInvalidArgument, "push index %s: Destination is set to %s: leave it out, the reference is the destination", ref, opts.Destination)
	}
	var res api.Pushed
	req := api.PushIndexRequest[PushOptions]{Ref: ref, Images: images, Options: opts}
	err = s.c.Stream(ctx, api.ImagePushIndex, req, nil, progressTo(opts.Progress), &res)
	return res.Digest, err
}
