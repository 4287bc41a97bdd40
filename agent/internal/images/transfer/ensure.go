package transfer

import (
	"context"
	"errors"
	"runtime"
	"slices"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// Ensure is Pull for the engine's own use: PullMissing is the default, and the transport and the credentials are the
// system's. It must not be called with the store's lock held.
func (s *Service) Ensure(ctx context.Context, ref string, policy image.PullPolicy, progress func(image.Progress)) (*images.Resolved, error) {
	if policy == "" {
		policy = image.PullMissing
	}
	return s.EnsureWith(ctx, ref, image.PullOptions{Policy: policy}, progress)
}

// EnsureWith is Ensure with all options.
func (s *Service) EnsureWith(ctx context.Context, ref string, opts image.PullOptions, progress func(image.Progress)) (*images.Resolved, error) {
	var out *images.Resolved
	err := s.ensure(ctx, ref, opts, progress, func(img *storage.Image) (err error) {
		out, err = s.images.Read(img)
		return err
	})
	if err != nil {
		return nil, err // as in Pull
	}
	return out, nil
}

// EnsureBase is EnsureWith for a build, which may be for another platform than this machine's. Such an image does not
// keep the name of one in the store that is for this machine: what is run by that name stays the same.
func (s *Service) EnsureBase(ctx context.Context, ref string, opts image.PullOptions, progress func(image.Progress)) (*images.Resolved, error) {
	before, err := s.images.Resolve(ctx, ref)
	if err != nil && !errors.Is(err, api.ErrNotFound) {
		return nil, err
	}
	img, err := s.EnsureWith(ctx, ref, opts, progress)
	if err != nil || before == nil || before.ID == img.ID || runsHere(img) || !runsHere(before) {
		return img, err
	}
	named, err := images.Normalize(ref)
	if err != nil || !slices.Contains(before.Names, named.String()) {
		return img, nil // it is an id
	}
	held, err := s.images.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	if err := held.AddNames(before.ID, named.String()); err != nil && !images.Gone(err) {
		return nil, err
	}
	return img, nil
}

func runsHere(r *images.Resolved) bool { return r.OS == runtime.GOOS && r.Arch == runtime.GOARCH }

// use is called with an image that can't be removed meanwhile: the store's shared lock is held.
type use func(*storage.Image) error

func (s *Service) ensure(ctx context.Context, ref string, opts image.PullOptions, progress func(image.Progress), do use) error {
	switch opts.Policy {
	case image.PullAlways:
		return s.pull(ctx, ref, opts, progress, do)
	case image.PullNever, image.PullMissing:
	default:
		return api.Errorf(api.ErrInvalidArgument, "pull policy %q: it must be missing, always or never", opts.Policy)
	}
	found, err := s.useLocal(ctx, ref, opts.Platform, do)
	switch {
	case found:
		return err
	case opts.Policy == image.PullNever && errors.Is(err, api.ErrNotFound):
		return api.Errorf(api.ErrNotFound, "%w (the pull policy is never)", err)
	case opts.Policy == image.PullNever || !errors.Is(err, api.ErrNotFound):
		return err
	}
	return s.pull(ctx, ref, opts, progress, do)
}

// useLocal does with the image that the store has what is to be done with it.
func (s *Service) useLocal(ctx context.Context, ref, platform string, do use) (found bool, err error) {
	held, err := s.images.Hold(ctx)
	if err != nil {
		return false, err
	}
	defer held.Release()
	img, err := s.images.Find(ctx, ref)
	if err != nil {
		return false, err
	}
	fits, err := s.fits(img, platform)
	if err != nil {
		return false, err
	}
	if !fits {
		img, err = s.formerly(ref, platform)
	}
	if err != nil {
		return false, err
	}
	if img == nil {
		return false, api.Errorf(api.ErrNotFound, "image %s: the one in the store is not for %s", ref, platform)
	}
	return true, do(img)
}

// formerly finds the newest image for a platform that had the name before one for another platform got it, or nil.
func (s *Service) formerly(ref, platform string) (*storage.Image, error) {
	named, err := images.Normalize(ref)
	if err != nil {
		return nil, nil // it is an id, which no other image has
	}
	all, err := s.images.Storage().Images()
	if err != nil {
		return nil, images.StoreError(ref, err)
	}
	var out *storage.Image
	for i := range all {
		img := &all[i]
		if !slices.Contains(img.NamesHistory, named.String()) || out != nil && !img.Created.After(out.Created) {
			continue
		}
		if fits, err := s.fits(img, platform); err == nil && fits {
			out = img
		}
	}
	return out, nil
}

// fits says whether an image is of the platform that was asked for.
func (s *Service) fits(img *storage.Image, p string) (bool, error) {
	var want types.SystemContext
	if err := Platform(&want, p); err != nil || p == "" {
		return true, err
	}
	r, err := s.images.Read(img)
	if err != nil {
		return false, err
	}
	return isFor(&want, r.Raw.Platform), nil
}

// isFor says whether a platform is the one that was chosen. A variant that an image does not tell may be any.
func isFor(want *types.SystemContext, p v1.Platform) bool {
	return p.OS == want.OSChoice && p.Architecture == want.ArchitectureChoice &&
		(want.VariantChoice == "" || p.Variant == "" || p.Variant == want.VariantChoice)
}
