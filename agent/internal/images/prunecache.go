package images

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.podman.io/storage"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
)

func (s *Service) handlePruneCache() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, opts image.PruneCacheOptions) (image.PruneCacheResult, error) {
		return s.PruneCache(r.Context(), opts)
	})
}

// CacheMountLock is the file that whoever uses a cache mount has locked, and whose time is that of the last use.
func (s *Store) CacheMountLock(name string) string {
	return filepath.Join(s.layout.Locks(), "cache-"+name)
}

// PruneCache removes steps of builds and cache mounts, those that were used longest ago first.
func (s *Service) PruneCache(ctx context.Context, opts image.PruneCacheOptions) (res image.PruneCacheResult, err error) {
	done, err := s.removing(ctx)
	if err != nil {
		return res, err
	}
	defer done()
	t, err := s.tree()
	if err != nil {
		return res, StoreError("prune the build cache", err)
	}
	var before image.Usage[image.CacheUsage]
	if err := s.cacheUsage(ctx, t, &before); err != nil {
		return res, err
	}
	p := &cachePrune{s: s, t: t, opts: opts, left: before.Size, items: s.cacheItems(t, before.Items), res: &res}
	err = p.run(ctx)
	n, ferr := s.freed(t)
	res.Space += n
	return res, errors.Join(err, ferr, s.pruneKept(), p.forget())
}

// cacheItem is one thing that builds keep.
type cacheItem struct {
	image.CacheUsage
	img *storage.Image // nil for a cache mount
}

func (s *Service) cacheItems(t *tree, list []image.CacheUsage) []cacheItem {
	byID := map[string]*storage.Image{}
	for i := range t.images {
		byID["sha256:"+t.images[i].ID] = &t.images[i]
	}
	var out []cacheItem
	for _, u := range list {
		out = append(out, cacheItem{u, byID[u.ID]})
	}
	return out
}

// cachePrune is a call of PruneCache.
type cachePrune struct {
	s     *Service
	t     *tree
	opts  image.PruneCacheOptions
	left  int64 // the cache's size
	items []cacheItem
	res   *image.PruneCacheResult
}

// run removes one thing after another, until nothing more may go.
func (p *cachePrune) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if p.opts.KeepStorage > 0 && p.left <= p.opts.KeepStorage {
			return nil
		}
		i := oldest(p.items, p.may)
		if i < 0 {
			return nil
		}
		item := p.items[i]
		p.items = append(p.items[:i], p.items[i+1:]...)
		if err := p.remove(&item); err != nil {
			return err
		}
		p.res.Deleted = append(p.res.Deleted, item.ID)
	}
}

// oldest is the item that was used longest ago among those that may go, or -1.
func oldest(items []cacheItem, may func(*cacheItem) bool) int {
	found := -1
	for i := range items {
		if (found < 0 || items[i].LastUsed.Before(items[found].LastUsed)) && may(&items[i]) {
			found = i
		}
	}
	return found
}

// may says whether an item may go now: a step goes after those that were made of it.
func (p *cachePrune) may(item *cacheItem) bool {
	if !p.opts.Until.IsZero() && !item.LastUsed.Before(p.opts.Until) {
		return false
	}
	img := item.img
	switch {
	case img == nil:
		return true
	case img.ReadOnly, len(p.t.users(img.ID)) > 0, p.s.busy(img.ID), p.t.visible(img):
		return false
	}
	return p.opts.All || !p.t.parent(img)
}

func (p *cachePrune) remove(item *cacheItem) error {
	if item.img == nil {
		dir := filepath.Join(p.s.CacheMounts(), item.ID)
		n := diskspace.Usage(dir)
		p.left -= n
		p.res.Space += n
		return os.RemoveAll(dir)
	}
	var removed image.RemoveResult
	if err := p.s.delete(p.t, item.img, &removed); err != nil {
		return err
	}
	if id := item.img.TopLayer; p.t.layers[id] != nil && p.t.shown()[id] == 0 && len(p.t.byLayer[id]) == 0 {
		p.left -= max(0, p.t.layers[id].UncompressedSize)
	}
	return nil
}

// forget removes what is remembered of steps: of layers that are gone, and by All of those of images, too.
func (p *cachePrune) forget() error {
	if err := p.s.forgetResults(); err != nil || !p.opts.All || p.opts.KeepStorage > 0 {
		return err
	}
	used, err := p.s.resultTimes()
	if err != nil {
		return err
	}
	var errs []error
	for key, at := range used {
		if p.opts.Until.IsZero() || at.Before(p.opts.Until) {
			if err := os.Remove(filepath.Join(p.s.results(), key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// resultTimes is when what is remembered was last used, by key.
func (s *Store) resultTimes() (map[string]time.Time, error) {
	list, err := os.ReadDir(s.results())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]time.Time{}
	for _, e := range list {
		if info, err := e.Info(); err == nil {
			out[e.Name()] = info.ModTime()
		}
	}
	return out, nil
}

// layersUsed is when a build last took a step's layer.
func (s *Store) layersUsed() (map[string]time.Time, error) {
	times, err := s.resultTimes()
	if err != nil {
		return nil, err
	}
	h := &Held{s: s}
	out := map[string]time.Time{}
	for key, at := range times {
		if r, ok := h.Result(key); ok && at.After(out[r.Layer]) {
			out[r.Layer] = at
		}
	}
	return out, nil
}
