package image

import (
	"context"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// DiskUsage says what in a store takes how much space, as docker system df does. All sizes are bytes: of layers as they
// are unpacked, of all else the sizes of files.
type DiskUsage struct {
	Images     Usage[ImageUsage]     `json:"images"`
	Containers Usage[ContainerUsage] `json:"containers"`
	Volumes    Usage[VolumeUsage]    `json:"volumes"`
	BuildCache Usage[CacheUsage]     `json:"buildCache"`
}

// Usage is one kind of what is in a store.
type Usage[T any] struct {
	Items       []T   `json:"items,omitempty"`
	Active      int   `json:"active"`      // items in use: images and volumes of containers, containers that run
	Size        int64 `json:"size"`        // of all together; what several share counts once
	Reclaimable int64 `json:"reclaimable"` // of Size, what goes with those that are not in use
}

// ImageUsage is an image in DiskUsage.
type ImageUsage struct {
	Image
	Containers int `json:"containers"` // made of it
}

// ContainerUsage is a container in DiskUsage.
type ContainerUsage struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Image   string    `json:"image"`
	Status  string    `json:"status"` // such as running
	Created time.Time `json:"created"`
	Size    int64     `json:"size"` // of its own file system, without its image and its volumes
}

// VolumeUsage is a volume in DiskUsage.
type VolumeUsage struct {
	Name       string `json:"name"`
	Containers int    `json:"containers"` // that mount it
	Size       int64  `json:"size"`
}

// CacheUsage is something in DiskUsage that builds keep: a step of a build, or what its cache mounts have.
type CacheUsage struct {
	ID        string    `json:"id"` // of the step's image; of a cache mount its directory in the store
	CreatedBy string    `json:"createdBy,omitempty"`
	Created   time.Time `json:"created,omitzero"`
	Size      int64     `json:"size"` // what no image has that List shows without All
}

// DiskUsage measures the store. It reads all directories of containers, volumes and cache mounts, which takes its time
// where they are large.
func (s *Store) DiskUsage(ctx context.Context) (*DiskUsage, error) {
	var u DiskUsage
	if err := s.c.Do(ctx, api.StoreUsage, nil, &u); err != nil {
		return nil, err
	}
	return &u, nil
}
