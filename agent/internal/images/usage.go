package images

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
)

func (s *Service) handleUsage() http.HandlerFunc {
	return wire.Handle(func(r *http.Request, _ wire.None) (image.DiskUsage, error) { return s.DiskUsage(r.Context()) })
}

// DiskUsage measures the images and what builds keep, and has the engine measure the rest.
func (s *Service) DiskUsage(ctx context.Context) (u image.DiskUsage, err error) {
	t, err := s.tree()
	if err != nil {
		return u, StoreError("disk usage", err)
	}
	if err := s.imageUsage(ctx, t, &u.Images); err != nil {
		return u, err
	}
	if err := s.cacheUsage(ctx, t, &u.BuildCache); err != nil {
		return u, err
	}
	return u, s.containers.Measure(ctx, &u)
}

func (s *Service) imageUsage(ctx context.Context, t *tree, u *image.Usage[image.ImageUsage]) error {
	list, err := s.listed(ctx, t, &listFilter{})
	if err != nil {
		return err
	}
	inUse := map[string]bool{} // layers
	for _, c := range t.containers {
		l := t.layers[c.LayerID]
		if l == nil {
			continue
		}
		for id := l.Parent; id != "" && t.layers[id] != nil && !inUse[id]; id = t.layers[id].Parent {
			inUse[id] = true
		}
	}
	for _, img := range list {
		n := len(t.users(img.ID[len("sha256:"):]))
		if n > 0 {
			u.Active++
		}
		u.Items = append(u.Items, image.ImageUsage{Image: img, Containers: n})
	}
	for id := range t.shown() {
		n := max(0, t.layers[id].UncompressedSize)
		u.Size += n
		if !inUse[id] {
			u.Reclaimable += n
		}
	}
	return nil
}

// cacheUsage has the steps of builds, each with what it has beside the images and the steps before it, and the cache
// mounts.
func (s *Service) cacheUsage(ctx context.Context, t *tree, u *image.Usage[image.CacheUsage]) error {
	used, err := s.layersUsed()
	if err != nil {
		return err
	}
	counted := map[string]bool{}
	for i := range t.images {
		img := &t.images[i]
		if t.visible(img) {
			continue
		}
		item := image.CacheUsage{ID: "sha256:" + img.ID, Created: img.Created, LastUsed: img.Created}
		if at := used[img.TopLayer]; at.After(item.LastUsed) {
			item.LastUsed = at
		}
		if h := t.history(img); len(h) > 0 {
			item.CreatedBy = h[len(h)-1].CreatedBy
		}
		if id := img.TopLayer; id != "" && t.layers[id] != nil && t.shown()[id] == 0 && !counted[id] {
			counted[id] = true
			item.Size = max(0, t.layers[id].UncompressedSize)
		}
		u.Items = append(u.Items, item)
	}
	slices.SortStableFunc(u.Items, func(a, b image.CacheUsage) int { return b.Created.Compare(a.Created) })
	mounts, err := os.ReadDir(s.CacheMounts())
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, m := range mounts {
		if err := ctx.Err(); err != nil {
			return err
		}
		item := image.CacheUsage{ID: m.Name(), Size: diskspace.Usage(filepath.Join(s.CacheMounts(), m.Name()))}
		if info, err := m.Info(); err == nil {
			item.Created, item.LastUsed = info.ModTime(), info.ModTime()
		}
		if info, err := os.Stat(s.CacheMountLock(m.Name())); err == nil && info.ModTime().After(item.LastUsed) {
			item.LastUsed = info.ModTime()
		}
		u.Items = append(u.Items, item)
	}
	for _, item := range u.Items {
		u.Size += item.Size
	}
	u.Reclaimable = u.Size
	return nil
}

// ContainerSize is the size of a container's own layer as it lies on the disk: no lock is held and nothing is mounted for it.
func (s *Store) ContainerSize(id string) int64 {
	c, err := s.store.Container(id)
	if err != nil {
		return 0 // just removed
	}
	return diskspace.Usage(filepath.Join(s.layout.Graph(), "overlay", c.LayerID, "diff"))
}
