package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/distribution/reference"
	"go.podman.io/image/v5/copy"
	"go.podman.io/image/v5/docker"
	is "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"
	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
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
		out, err = s.describe(img)
		return err
	})
	if err != nil {
		return nil, err // out may be written behind a cancelled caller's back
	}
	return out, nil
}

// Ensure is Pull for the engine's own use: PullMissing is the default, and the transport and the credentials are the
// system's. It must not be called with the store's lock held.
func (s *Service) Ensure(ctx context.Context, ref string, policy image.PullPolicy, progress func(image.Progress)) (*Resolved, error) {
	if policy == "" {
		policy = image.PullMissing
	}
	return s.EnsureWith(ctx, ref, image.PullOptions{Policy: policy}, progress)
}

// EnsureWith is Ensure with all options.
func (s *Service) EnsureWith(ctx context.Context, ref string, opts image.PullOptions, progress func(image.Progress)) (*Resolved, error) {
	var out *Resolved
	err := s.ensure(ctx, ref, opts, progress, func(img *storage.Image) (err error) {
		out, err = s.resolved(img)
		return err
	})
	if err != nil {
		return nil, err // as in Pull
	}
	return out, nil
}

// EnsureBase is EnsureWith for a build, which may be for another platform than this machine's. Such an image does not
// keep the name of one in the store that is for this machine: what is run by that name stays the same.
func (s *Service) EnsureBase(ctx context.Context, ref string, opts image.PullOptions, progress func(image.Progress)) (*Resolved, error) {
	before, err := s.Resolve(ctx, ref)
	if err != nil && !errors.Is(err, api.ErrNotFound) {
		return nil, err
	}
	img, err := s.EnsureWith(ctx, ref, opts, progress)
	if err != nil || before == nil || before.ID == img.ID || img.runsHere() || !before.runsHere() {
		return img, err
	}
	named, err := Normalize(ref)
	if err != nil || !slices.Contains(before.Names, named.String()) {
		return img, nil // it is an id
	}
	_, release, err := s.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := s.store.AddNames(before.ID, []string{named.String()}); err != nil && !gone(err) {
		return nil, storeError(ref, err)
	}
	return img, nil
}

func (r *Resolved) runsHere() bool { return r.OS == runtime.GOOS && r.Arch == runtime.GOARCH }

// use is called with an image that can't be removed meanwhile: the store's shared lock is held.
type use func(*storage.Image) error

func (s *Service) ensure(ctx context.Context, ref string, opts image.PullOptions, progress func(image.Progress), do use) error {
	switch opts.Policy {
	case image.PullAlways:
		return s.pull(ctx, ref, opts, progress, do)
	case image.PullNever, image.PullMissing:
	default:
		return api.Errorf(api.ErrInvalidArgument, "pull policy %q: it is missing, always or never", opts.Policy)
	}
	found, err := s.useLocal(ctx, ref, opts.Platform, do)
	switch {
	case found:
		return err
	case opts.Policy == image.PullNever && errors.Is(err, api.ErrNotFound):
		return api.Errorf(api.ErrNotFound, "%w (the pull policy is never: pull it first, or allow that with the policy missing)", err)
	case opts.Policy == image.PullNever || !errors.Is(err, api.ErrNotFound):
		return err
	}
	return s.pull(ctx, ref, opts, progress, do)
}

// useLocal does with the image that the store has what is to be done with it.
func (s *Service) useLocal(ctx context.Context, ref, platform string, do use) (found bool, err error) {
	ctx, release, err := s.Hold(ctx)
	if err != nil {
		return false, err
	}
	defer release()
	img, err := s.find(ctx, ref)
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
	named, err := Normalize(ref)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // it is an id, which no other image has
	}
	all, err := s.store.Images()
	if err != nil {
		return nil, storeError(ref, err)
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
	c, err := s.config(img)
	if err != nil {
		return false, err
	}
	return c.raw.OS == want.OSChoice && c.raw.Architecture == want.ArchitectureChoice &&
		(want.VariantChoice == "" || c.raw.Variant == "" || c.raw.Variant == want.VariantChoice), nil
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
	_, err = Detachable(ctx, s, "pull "+p.named.String(), func() (struct{}, error) {
		defer lock.Unlock()
		begin := time.Now()
		id, err := s.download(ctx, p, progress, do)
		if err == nil {
			s.Tell(container.EventPull, id, p.named.String())
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
	if prefix, explicit := idPrefix(ref); explicit || len(prefix) == 64 {
		return nil, api.Errorf(api.ErrNotFound, "pull %s: it is an id, and no image has it; registries know images by name", ref)
	}
	named, err := Normalize(ref)
	if err != nil {
		return nil, err
	}
	// With both, the digest says what to fetch, as in Docker.
	if d, ok := named.(reference.Digested); ok {
		if named, err = reference.WithDigest(reference.TrimNamed(named), d.Digest()); err != nil {
			return nil, invalid(ref, err)
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
		return nil, invalid(ref, err)
	}
	if p.dest, err = is.Transport.NewStoreReference(s.store, named, ""); err != nil {
		return nil, invalid(ref, err)
	}
	return p, nil
}

func (p *pull) key() string {
	h := sha256.Sum256([]byte(p.named.String() + "\x00" + p.platform))
	return "pull-" + hex.EncodeToString(h[:12])
}

// note is what a pull leaves in its lock file for those that waited for it.
type note struct {
	ID    string    `json:"id"`
	Begin time.Time `json:"begin"`
	End   time.Time `json:"end"`
}

func leaveNote(l *flock.Lock, n note) error {
	b, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if err := l.File().Truncate(0); err != nil {
		return err
	}
	_, err = l.File().WriteAt(b, 0)
	return err
}

// waitTurn takes the lock of a reference. If it had to wait, id is what the process before it pulled meanwhile.
func (s *Service) waitTurn(ctx context.Context, key string) (lock *flock.Lock, id string, err error) {
	path := filepath.Join(s.layout.Locks(), key)
	if lock, err = flock.Try(path, flock.Exclusive); err != nil || lock != nil {
		return lock, "", err
	}
	asked := time.Now()
	if lock, err = flock.Acquire(ctx, path, flock.Exclusive); err != nil {
		return nil, "", err
	}
	var n note
	b, err := io.ReadAll(io.NewSectionReader(lock.File(), 0, 4096))
	if err == nil && json.Unmarshal(b, &n) == nil && n.End.After(asked) {
		return lock, n.ID, nil
	}
	return lock, "", nil
}

// download fetches the image into the store, with the store's shared lock.
func (s *Service) download(ctx context.Context, p *pull, progress func(image.Progress), do use) (id string, err error) {
	what := "pull " + p.named.String()
	ctx, release, err := s.Hold(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	defer release()
	policy, err := s.policyContext()
	if err != nil {
		return "", err
	}
	defer policy.Destroy() //nolint:errcheck // it only forgets
	if err := LogIn(ctx, p.sc, p.named); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	var done types.ImageReference
	err = s.retry(ctx, what, func() (err error) {
		done, err = s.copyImage(ctx, p, policy, progress)
		return err
	})
	if err != nil {
		if ctx.Err() == nil && isOurs(err) {
			err = fmt.Errorf("%s: %w", what, err)
		} else {
			err = policy.explain(ctx, what, err)
		}
		s.failedPull(ctx, err)
		return "", err
	}
	_, img, err := is.ResolveReference(done)
	if err != nil {
		return "", storeError(p.named.String(), err)
	}
	return img.ID, do(img)
}

// copyImage fetches the layers that the store lacks, and has upstream's copy put the image together.
func (s *Service) copyImage(ctx context.Context, p *pull, policy *policy, progress func(image.Progress)) (done types.ImageReference, err error) {
	w, wctx := newWatch(ctx, progress, p.stall)
	defer w.close()
	src := &opened{ImageReference: p.source}
	defer src.close()
	err = s.fetchLayers(wctx, p.sc, src, policy, w)
	if err != nil && !errors.Is(err, errNotFast) {
		return nil, attemptError(ctx, wctx, err)
	}
	report := func(pr image.Progress) {
		if progress != nil && !w.told(pr.Digest) {
			progress(pr)
		}
	}
	m, actx := newMonitor(ctx, image.PhaseDownload, report, p.stall)
	defer m.close()
	_, err = copy.Image(actx, policy.PolicyContext, p.dest, src, &copy.Options{
		SourceCtx: p.sc, DestinationCtx: p.sc, Progress: m.events, ProgressInterval: progressInterval, ReportResolvedReference: &done,
	})
	return done, attemptError(ctx, actx, err)
}

// progressInterval is how often a moving blob is reported.
const progressInterval = 100 * time.Millisecond

// attemptError puts the reason in the place of "context canceled" when the attempt was ended for a stall.
func attemptError(ctx, attempt context.Context, err error) error {
	if err != nil && ctx.Err() == nil && attempt.Err() != nil {
		return context.Cause(attempt)
	}
	return err
}
