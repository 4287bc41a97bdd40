//go:build linux

package containers

import (
	"context"
	"errors"
	"slices"

	"github.com/caisson-dev/caisson/agent/internal/volumes"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// Measure adds containers and volumes to what the store takes.
func (s *Service) Measure(ctx context.Context, u *image.DiskUsage) error {
	ids, err := s.records.IDs()
	if err != nil {
		return err
	}
	up := map[string]bool{}
	for _, id := range ids {
		info, err := s.info(ctx, id, up)
		if errors.Is(err, api.ErrNotFound) {
			continue // half made or just removed
		}
		if err != nil {
			return err
		}
		c := image.ContainerUsage{
			ID: info.ID, Name: info.Name, Image: info.Image, Status: string(info.State.Status), Created: info.Created, Size: s.Images.ContainerSize(info.ID),
		}
		u.Containers.Items = append(u.Containers.Items, c)
		u.Containers.Size += c.Size
		if live(info.State.Status) {
			u.Containers.Active++
		} else {
			u.Containers.Reclaimable += c.Size
		}
	}
	return s.volumes.Measure(ctx, &u.Volumes)
}

// volumeUsers are the containers that mount each volume, also those that are being made.
func (s *Service) volumeUsers() (map[string][]volumes.User, error) {
	all, err := s.records.All()
	users := map[string][]volumes.User{}
	for _, rec := range all {
		u := volumes.User{ID: rec.ID, Name: rec.Name}
		for _, m := range rec.Mounts {
			if m.Type == container.MountVolume && !slices.Contains(users[m.Source], u) {
				users[m.Source] = append(users[m.Source], u)
			}
		}
	}
	return users, err
}
