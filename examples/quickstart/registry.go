package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry/server"
)

// push sends the image to a registry that this process serves on the loopback.
func (s *story) push(ctx context.Context) (string, error) {
	var err error
	if s.reg, err = server.Serve(server.Options{}, server.ServeOptions{}); err != nil {
		return "", err
	}
	s.remote = s.reg.Addr + "/" + name
	digest, err := s.store.Push(ctx, name, image.PushOptions{Destination: s.remote})
	return fmt.Sprintf("to a registry of our own, %s: %.19s", s.reg.Addr, digest), err
}

// remove takes the containers and the image away; an image in use is kept.
func (s *story) remove(ctx context.Context) (string, error) {
	_, errUsed := s.store.Remove(ctx, name, image.RemoveOptions{})
	if err := check(errors.Is(errUsed, image.ErrInUse), "an image in use is not removed: %v", errUsed); err != nil {
		return "", err
	}
	res, err := s.engine.Prune(ctx, container.PruneOptions{})
	if err != nil {
		return "", err
	}
	// Containers that this process holds are its own to remove.
	for _, c := range []*container.Container{s.one, s.two} {
		if err := ignoreNotFound(c.Remove(ctx, container.RemoveOptions{})); err != nil {
			return "", err
		}
	}
	s.one, s.two = nil, nil
	if _, err := s.store.Remove(ctx, name, image.RemoveOptions{}); err != nil {
		return "", err
	}
	_, errGone := s.store.Get(ctx, name)
	return "first refused, as it is in use; then the containers and the image", firstError(
		check(len(res.Deleted) == 0, "prune leaves the containers of a living process: %v", res.Deleted),
		check(errors.Is(errGone, image.ErrNotFound), "the image is gone: %v", errGone),
	)
}

// pull brings the image back.
func (s *story) pull(ctx context.Context) (string, error) {
	if _, err := s.store.Prune(ctx, image.PruneOptions{All: true}); err != nil {
		return "", err
	}
	img, err := s.store.Pull(ctx, s.remote, image.PullOptions{})
	if err != nil {
		return "", err
	}
	return "back from the registry, with the same id", check(img.ID == s.img.ID, "the image comes back as it was: %s, %s", s.img.ID, img.ID)
}

func (s *story) runAgain(ctx context.Context) (string, error) {
	files, err := s.output(ctx, s.remote, "ls", "/srv")
	return "it runs, and has the file that RUN made", firstError(err,
		check(slices.Equal(files, []string{"built.txt"}), "the image has the file of RUN and no other: %v", files))
}

// prune empties the store.
func (s *story) prune(ctx context.Context) (string, error) {
	if _, err := s.engine.Prune(ctx, container.PruneOptions{}); err != nil {
		return "", err
	}
	if _, err := s.store.Prune(ctx, image.PruneOptions{All: true}); err != nil {
		return "", err
	}
	images, err1 := s.store.List(ctx, image.ListOptions{All: true})
	containers, err2 := s.engine.List(ctx, container.ListOptions{All: true})
	return "no image and no container", firstError(err1, err2,
		check(len(images) == 0, "no image is left: %v", images), check(len(containers) == 0, "no container is left: %v", containers))
}
