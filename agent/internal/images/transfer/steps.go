package transfer

import (
	"context"
	"errors"
	"fmt"

	"github.com/distribution/reference"
	"go.podman.io/image/v5/docker"
	is "go.podman.io/image/v5/storage"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// StepName is where a repository keeps the step of a build that has this key.
func StepName(repo reference.Named, key string) (reference.Named, error) {
	return reference.WithTag(repo, images.StepTag+key)
}

// FetchStep takes the image of a build's step from a registry, without its name there. A registry that does not answer has
// nothing: then there is neither an image nor an error. The caller holds the store's shared lock.
func (s *Service) FetchStep(ctx context.Context, from reference.Named, t image.Transport) (*storage.Image, error) {
	p, err := s.newPull(from.String(), image.PullOptions{Transport: t})
	if err != nil {
		return nil, err
	}
	if err := LogIn(ctx, p.sc, p.named); err != nil {
		return nil, err
	}
	policy, err := policyContext()
	if err != nil {
		return nil, err
	}
	defer policy.Destroy() // it only forgets
	done, err := s.copyImage(ctx, p, policy, func(image.Progress) {})
	if err != nil {
		s.images.Left(images.LeftOver)
		err = policy.explain(ctx, "fetch a step from "+from.Name(), err)
		if ctx.Err() == nil && (errors.Is(err, api.ErrNotFound) || errors.Is(err, api.ErrUnreachable)) {
			return nil, nil
		}
		return nil, err
	}
	_, img, err := is.ResolveReference(done)
	if err != nil {
		return nil, images.StoreError(from.String(), err)
	}
	if err := s.images.Storage().RemoveNames(img.ID, []string{p.named.String()}); err != nil {
		return nil, images.StoreError(img.ID, err)
	}
	return img, nil
}

// SendStep puts the image of a build's step into a registry. The caller holds the store's shared lock.
func (s *Service) SendStep(ctx context.Context, id string, to reference.Named, t image.Transport) error {
	opts := image.PushOptions{Transport: t}
	named, sc, err := s.target(ctx, to.String(), opts)
	if err != nil {
		return err
	}
	dest, err := docker.NewReference(named)
	if err != nil {
		return images.InvalidName(named.String(), err)
	}
	if _, err = s.send(ctx, "keep a step in "+to.Name(), id, dest, sc, opts, func(image.Progress) {}); err != nil {
		return fmt.Errorf("build: %w", err)
	}
	return nil
}
