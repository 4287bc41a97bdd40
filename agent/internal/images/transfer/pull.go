package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/distribution/reference"
	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/docker"
	is "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) handlePull(w http.ResponseWriter, r *http.Request) {
	var req api.Request[image.PullOptions]
	if err := wire.Decode(r.Body, &req); err != nil {
		wire.Fail(w, err)
		return
	}
	ev := wire.NewEvents(w)
	img, err := s.Pull(r.Context(), req.Ref, req.Options, func(p image.Progress) { _ = ev.Progress(p) })
	ev.End(img, err)
}

// Pull makes sure by opts.Policy that the image is in the store, and describes it.
func (s *Service) Pull(ctx context.Context, ref string, opts image.PullOptions, progress func(image.Progress)) (*image.Image, error) {
	if opts.Policy == "" {
		opts.Policy = image.PullAlways
	}
	var out *image.Image
	err := s.ensure(ctx, ref, opts, progress, func(img *storage.Image) (err error) {
		out, err = s.images.Describe(img)
		return err
	})
	if err != nil {
		return nil, err // out may be written behind a cancelled caller's back
	}
	return out, nil
}

// pull downloads, or takes what another process has just downloaded.
func (s *Service) pull(ctx context.Context, ref string, opts image.PullOptions, progress func(image.Progress), do use) error {
	p, err := s.newPull(ref, opts)
	if err != nil {
		return err
	}
	lock, id, err := s.waitTurn(ctx, p.key())
	if err != nil {
		return fmt.Errorf("pull %s: %w", p.named, err)
	}
	if id != "" {
		found, err := s.useLocal(ctx, id, "", do)
		if found {
			lock.Unlock()
			return err
		}
	}
	_, err = images.Detachable(ctx, s.images, "pull "+p.named.String(), func() (struct{}, error) {
		defer lock.Unlock()
		begin := time.Now()
		id, err := s.download(ctx, p, progress, do)
		if err == nil {
			s.images.Tell(container.EventPull, id, p.named.String())
			err = leaveNote(lock, note{ID: id, Begin: begin, End: time.Now()})
		}
		return struct{}{}, err
	})
	return err
}

// pull is one image to be pulled.
type pull struct {
	named    reference.Named
	platform string
	source   types.ImageReference
	dest     types.ImageReference
	sc       *types.SystemContext
	stall    time.Duration
}

func (s *Service) newPull(ref string, opts image.PullOptions) (*pull, error) {
	if images.IsID(ref) {
		return nil, api.Errorf(api.ErrNotFound, "pull %s: it is an id, and no image in the store has it: use a name, because a registry finds images by name only", ref)
	}
	named, err := images.Normalize(ref)
	if err != nil {
		return nil, err
	}
	// With both, the digest says what to fetch, as in Docker.
	if d, ok := named.(reference.Digested); ok {
		if named, err = reference.WithDigest(reference.TrimNamed(named), d.Digest()); err != nil {
			return nil, images.InvalidName(ref, err)
		}
	}
	p := &pull{named: named, platform: opts.Platform, sc: s.SystemContext(), stall: stallOf(opts.Transport)}
	if err := transport(p.sc, named, opts.Transport, opts.Credential); err != nil {
		return nil, err
	}
	if err := Platform(p.sc, opts.Platform); err != nil {
		return nil, err
	}
	if p.source, err = docker.NewReference(named); err != nil {
		return nil, images.InvalidName(ref, err)
	}
	if p.dest, err = is.Transport.NewStoreReference(s.images.Storage(), named, ""); err != nil {
		return nil, images.InvalidName(ref, err)
	}
	return p, nil
}

func (p *pull) key() string {
	h := sha256.Sum256([]byte(p.named.String() + "\x00" + p.platform))
	return images.PullLock + hex.EncodeToString(h[:12])
}

// download fetches the image into the store, with the store's shared lock.
func (s *Service) download(ctx context.Context, p *pull, progress func(image.Progress), do use) (id string, err error) {
	what := "pull " + p.named.String()
	held, err := s.images.Hold(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	defer held.Release()
	policy, err := policyContext()
	if err != nil {
		return "", err
	}
	defer policy.Destroy() // it only forgets
	if err := LogIn(ctx, p.sc, p.named); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	var done types.ImageReference
	err = s.retry(ctx, what, func() (err error) {
		done, err = s.copyImage(ctx, p, policy, progress)
		return connectionError(err)
	})
	if err != nil {
		if ctx.Err() == nil && isOurs(err) {
			err = fmt.Errorf("%s: %w", what, err)
		} else {
			err = policy.explain(ctx, what, err)
		}
		s.images.Left(leftover(ctx.Err() != nil, err))
		return "", err
	}
	_, img, err := is.ResolveReference(done)
	if err != nil {
		return "", images.StoreError(p.named.String(), err)
	}
	return img.ID, do(img)
}

// leftover says what is to become of the layers of a pull that failed. Those of one that was cancelled or lost its registry
// stay for a while; another attempt of one that is refused, or has no room, would come to the same.
func leftover(cancelled bool, err error) images.Leftover {
	switch {
	case errors.Is(err, api.ErrNoSpace):
		return images.LeftInTheWay
	case cancelled, errors.Is(err, api.ErrUnreachable), errors.Is(err, api.ErrRateLimited):
		return images.LeftForNext
	}
	return images.LeftOver
}

// copyImage fetches the layers that the store lacks, and has upstream's copy put the image together.
func (s *Service) copyImage(ctx context.Context, p *pull, policy *policy, progress func(image.Progress)) (done types.ImageReference, err error) {
	if err := s.images.Temp().Ready(); err != nil {
		return nil, err
	}
	try, tctx := newAttempt(ctx, image.PhaseDownload, progress, p.stall)
	defer try.close()
	src := &opened{ImageReference: p.source}
	defer src.close()
	err = s.fetchLayers(tctx, p.sc, src, policy, try)
	if err != nil && !errors.Is(err, errNotFast) && !errors.Is(err, layer.ErrFormat) {
		return nil, attemptError(ctx, tctx, err)
	}
	_, err = copy.Image(tctx, policy.PolicyContext, p.dest, src, &copy.Options{
		SourceCtx: p.sc, DestinationCtx: p.sc, Progress: try.startCopy(), ProgressInterval: progressInterval, ReportResolvedReference: &done,
	})
	return done, attemptError(ctx, tctx, err)
}
