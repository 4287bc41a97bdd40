package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/caisson-dev/caisson/image"
)

// buildAndPush builds for one platform or, as docker buildx does, for several, and pushes the result by all its names.
func (c *cli) buildAndPush(ctx context.Context, store *image.Store, o image.BuildOptions, quiet bool) error {
	if len(o.Tags) == 0 {
		return usage("build", errors.New("--push: name the image with -t"))
	}
	platforms := strings.Split(o.Platform, ",")
	if o.Tar != nil && len(platforms) > 1 {
		return usage("build", errors.New("--platform: a context on standard input can be read once, for one platform"))
	}
	tags := o.Tags
	if len(platforms) > 1 {
		o.Tags = nil // the names are the index's
	}
	var images []string
	for _, p := range platforms {
		o.Platform = p
		img, err := store.Build(ctx, o)
		if err != nil {
			return err
		}
		images = append(images, img.ID)
	}
	for _, tag := range tags {
		digest, err := pushBuilt(ctx, store, tag, images, image.PushOptions{Transport: o.Transport})
		if err != nil {
			return err
		}
		if quiet {
			fmt.Fprintln(c.out, digest)
			continue
		}
		fmt.Fprintf(c.err, "pushed %s: digest: %s\n", familiarString(tag, ""), digest)
	}
	return nil
}

func pushBuilt(ctx context.Context, store *image.Store, tag string, images []string, o image.PushOptions) (string, error) {
	if len(images) == 1 {
		o.Destination = tag
		return store.Push(ctx, images[0], o)
	}
	return store.PushIndex(ctx, tag, images, o)
}
