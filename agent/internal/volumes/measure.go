//go:build linux

package volumes

import (
	"context"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/image"
)

// Measure adds the volumes to what the store takes.
func (s *Service) Measure(ctx context.Context, u *image.Usage[image.VolumeUsage]) error {
	all, err := s.all()
	if err != nil {
		return err
	}
	for _, v := range all {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		item := image.VolumeUsage{Name: v.Name, Containers: len(v.Containers), Size: diskspace.Usage(v.Path)}
		u.Items = append(u.Items, item)
		u.Size += item.Size
		if item.Containers > 0 {
			u.Active++
		} else {
			u.Reclaimable += item.Size
		}
	}
	return nil
}
