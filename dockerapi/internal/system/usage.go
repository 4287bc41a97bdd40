package system

import (
	"net/http"
	"slices"
	"time"

	"github.com/moby/moby/api/types/build"
	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/volume"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

// diskUsage is the answer of versions before 1.52.
type diskUsage struct {
	LayersSize  int64
	Images      []shape.ImageSummary
	Containers  []docker.Summary
	Volumes     []volume.Volume
	BuildCache  []build.CacheRecord
	BuilderSize int64 `json:",omitempty"`
}

func (s *Service) diskUsage(w http.ResponseWriter, r *wire.Request) error {
	kinds := r.All("type")
	for _, k := range kinds {
		if !slices.Contains([]string{"container", "image", "volume", "build-cache"}, k) {
			return wire.BadRequest("unknown object type: %s", k)
		}
	}
	wanted := func(kind string) bool { return len(kinds) == 0 || slices.Contains(kinds, kind) }
	ctx := r.Context()
	u, err := s.Store.DiskUsage(ctx)
	if err != nil {
		return err
	}
	out := diskUsage{Images: []shape.ImageSummary{}, Containers: []docker.Summary{}, Volumes: []volume.Volume{}, BuildCache: []build.CacheRecord{}}
	if wanted("image") {
		out.LayersSize = u.Images.Size
		for i := range u.Images.Items {
			img := &u.Images.Items[i]
			out.Images = append(out.Images, shape.ListedImage(&img.Image, int64(img.Containers), img.Shared))
		}
	}
	if wanted("container") {
		list, err := s.Engine.List(ctx, container.ListOptions{All: true})
		if err != nil {
			return err
		}
		around, err := s.Surroundings(ctx)
		if err != nil {
			return err
		}
		now := time.Now()
		for i := range list {
			c := shape.Summary(&list[i], around, now)
			for _, item := range u.Containers.Items {
				if item.ID == c.ID {
					c.SizeRw = item.Size
				}
			}
			out.Containers = append(out.Containers, c)
		}
	}
	if wanted("volume") {
		list, err := s.Engine.Volumes(ctx)
		if err != nil {
			return err
		}
		for i := range list {
			v := shape.Volume(&list[i])
			for _, item := range u.Volumes.Items {
				if item.Name == v.Name {
					v.UsageData = &volume.UsageData{RefCount: int64(item.Containers), Size: item.Size}
				}
			}
			out.Volumes = append(out.Volumes, v)
		}
	}
	if wanted("build-cache") {
		out.BuilderSize = u.BuildCache.Size
		for _, c := range u.BuildCache.Items {
			out.BuildCache = append(out.BuildCache, build.CacheRecord{ID: c.ID, Type: "regular", Description: c.CreatedBy, Size: c.Size, CreatedAt: c.Created})
		}
	}
	return wire.OK(w, out)
}
