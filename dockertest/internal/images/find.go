package images

import (
	"context"
	"fmt"
	"strings"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/flight"
)

// Find finds an image or pulls it: once for all containers of this process that start at the same time, and with
// image.PullAlways once a process. The default policy is image.PullMissing.
//
// Errors: those of image.Store.Pull.
func Find(ctx context.Context, store *image.Store, ref string, opts image.PullOptions) (*image.Image, error) {
	if opts.Policy == "" {
		opts.Policy = image.PullMissing
	}
	key := fmt.Sprint(ref, "\n", opts.Platform)
	pull := func() (*image.Image, error) { return store.Pull(ctx, ref, opts) }
	if opts.Policy == image.PullAlways {
		if _, err := fetched.Do(ctx, key, pull); err != nil {
			return nil, err
		}
		opts.Policy = image.PullMissing // it may have been built anew under that name since
	}
	return found.Do(ctx, key+"\n"+string(opts.Policy), pull)
}

var (
	fetched = flight.Group[*image.Image]{}
	found   = flight.Group[*image.Image]{Forget: true}
)

// Prefixed is the name of an image of Docker Hub at a mirror. Other names, and ids, stay as they are.
func Prefixed(prefix, ref string) string {
	if prefix == "" || strings.HasPrefix(ref, "sha256:") {
		return ref
	}
	for _, hub := range []string{"docker.io/", "index.docker.io/"} {
		ref = strings.TrimPrefix(ref, hub)
	}
	// Docker's rule: the first part is a registry if it looks like a host.
	if first, _, ok := strings.Cut(ref, "/"); ok && (strings.ContainsAny(first, ".:") || first == "localhost") {
		return ref
	}
	return strings.TrimSuffix(prefix, "/") + "/" + ref
}
