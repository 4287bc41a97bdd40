package images

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
)

func (s *Service) handlePrune() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, opts image.PruneOptions) (image.PruneResult, error) {
		return s.Prune(r.Context(), opts)
	})
}

// CacheMounts is where the cache mounts of builds live.
func (s *Store) CacheMounts() string { return filepath.Join(s.layout.Cache(), "mounts") }

// Prune removes images without a name that nothing is made of, or with opts.All each that no container uses; and the
// steps of builds that led to them. All also empties the cache mounts of builds.
func (s *Service) Prune(ctx context.Context, opts image.PruneOptions) (image.PruneResult, error) {
	var res image.PruneResult
	done, err := s.removing(ctx)
	if err != nil {
		return res, err
	}
	defer done()
	t, err := s.tree()
	if err != nil {
		return res, StoreError("prune", err)
	}
	var removed image.RemoveResult
	err = s.pruneLeaves(ctx, t, opts, &removed)
	res.Deleted = removed.Deleted
	space, serr := s.freed(t)
	res.Space = space
	err = errors.Join(err, serr, s.pruneKept(), s.forgetResults())
	if opts.All && err == nil && everything(opts.Filter) {
		n, cerr := emptyDir(s.CacheMounts())
		res.Space += n
		err = cerr
	}
	return res, err
}

// pruneLeaves removes what no other image is made of, again and again, until nothing more goes.
func (s *Service) pruneLeaves(ctx context.Context, t *tree, opts image.PruneOptions, res *image.RemoveResult) error {
	filtered := !everything(opts.Filter)
	for again := true; again; {
		again = false
		for i := range t.images {
			img := &t.images[i]
			if !t.prunable(img, opts) || s.busy(img.ID) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.delete(t, img, res); err != nil {
				return err
			}
			again = true
			if !filtered {
				continue // each step is a leaf in its turn
			}
			if err := s.deleteSteps(t, img, res); err != nil {
				return err
			}
		}
	}
	return nil
}

// prunable says whether an image may go, for all that the tree knows.
func (t *tree) prunable(img *storage.Image, opts image.PruneOptions) bool {
	switch {
	case t.dropped[img.ID], img.ReadOnly, len(t.users(img.ID)) > 0:
		return false
	case !opts.All && (len(img.Names) > 0 || t.parent(img)):
		return false
	case everything(opts.Filter):
		return true
	}
	// One that can't be read does not say that it may go.
	c, err := t.config(img)
	return err == nil && chosen(opts.Filter, c.raw.Config.Labels, created(img, c))
}

// freed sums up the layers that t had and the store has no more.
func (s *Service) freed(before *tree) (int64, error) {
	layers, err := s.store.Layers()
	if err != nil {
		return 0, StoreError("prune", err)
	}
	for i := range layers {
		delete(before.layers, layers[i].ID)
	}
	var n int64
	for _, l := range before.layers {
		n += max(0, l.UncompressedSize)
	}
	return n, nil
}

// emptyDir removes what is in dir and returns the bytes of its files.
func emptyDir(dir string) (int64, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var n int64
	var errs []error
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		n += diskspace.Usage(path)
		errs = append(errs, os.RemoveAll(path))
	}
	return n, errors.Join(errs...)
}
