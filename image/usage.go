package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// DiskUsage says how much space the things in a store take, like docker system df. All sizes are in bytes. The size of a
// layer is that of its unpacked files.
type DiskUsage struct {
	Images     Usage[ImageUsage]     `json:"images"`
	Containers Usage[ContainerUsage] `json:"containers"`
	Volumes    Usage[VolumeUsage]    `json:"volumes"`
	BuildCache Usage[CacheUsage]     `json:"buildCache"`
}

// Usage describes the things of one kind in a store.
type Usage[T any] struct {
	Items       []T   `json:"items,omitempty"`
	Active      int   `json:"active"`      // how many are in use: images and volumes that containers have, and containers that run
	Size        int64 `json:"size"`        // of all together; shared layers count once
	Reclaimable int64 `json:"reclaimable"` // the part of Size that goes when those not in use are removed
}

// ImageUsage describes an image in DiskUsage.
type ImageUsage struct {
	Image
	Containers int `json:"containers"` // how many are made of it
}

// ContainerUsage describes a container in DiskUsage.
type ContainerUsage struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Image   string    `json:"image"`
	Status  string    `json:"status"` // such as running
	Created time.Time `json:"created"`
	Size    int64     `json:"size"` // of its own file system, without its image and its volumes
}

// VolumeUsage describes a volume in DiskUsage.
type VolumeUsage struct {
	Name       string `json:"name"`
	Containers int    `json:"containers"` // how many mount it
	Size       int64  `json:"size"`
}

// CacheUsage describes something that builds keep: the result of a step, or the files of a cache mount.
type CacheUsage struct {
	ID        string    `json:"id"` // of the image of the step; for a cache mount its directory in the store
	CreatedBy string    `json:"createdBy,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	LastUsed  time.Time `json:"lastUsed,omitzero"` // by a build
	Size      int64     `json:"size"`              // the part that no named image has
}

// DiskUsage measures the store. It reads the directories of all containers, volumes and cache mounts, which takes time
// if they are large.
//
// Errors: those that every function has.
func (s *Store) DiskUsage(ctx context.Context) (*DiskUsage, error) {
	var u DiskUsage
	if err := s.c.Do(ctx, api.StoreUsage, nil, &u); err != nil {
		return nil, err
	}
	return &u, nil
}
