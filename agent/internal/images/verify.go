package images

import (
	"context"
	"fmt"

	"go.podman.io/storage"
)

// verify adds to a report the layers whose files are not those of their archives. Upstream's own comparison takes archives
// for damaged that have files without their directories, or names with dots.
func (s *Service) verify(ctx context.Context, report *storage.CheckReport) error {
	all, err := s.store.MultiList(storage.MultiListOptions{Images: true, Layers: true, Containers: true})
	if err != nil {
		return err
	}
	damaged := map[string][]error{}
	for i := range all.Layers {
		l := &all.Layers[i]
		differs, err := s.layers.Verify(ctx, l, s.oneID)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil { // the digest of what is in the files is compared in any case
			s.log.Warn("check the store: a layer's files can't be compared with its archive", "layer", l.ID, "error", err)
		}
		for _, d := range differs {
			damaged[l.ID] = append(damaged[l.ID], fmt.Errorf("layer %s: %s", l.ID, d))
		}
	}
	spread(report, &all, damaged)
	return nil
}

// spread adds damaged layers to a report, the images that have them and the containers of these.
func spread(report *storage.CheckReport, all *storage.MultiListResult, damaged map[string][]error) {
	parents := make(map[string]string, len(all.Layers))
	for i := range all.Layers {
		parents[all.Layers[i].ID] = all.Layers[i].Parent
	}
	for id, errs := range damaged {
		report.Layers[id] = append(report.Layers[id], errs...)
	}
	images := map[string][]error{}
	for _, img := range all.Images {
		seen := map[string]bool{}
		for _, top := range append([]string{img.TopLayer}, img.MappedTopLayers...) {
			for id := top; id != "" && !seen[id]; id = parents[id] {
				seen[id] = true
				images[img.ID] = append(images[img.ID], damaged[id]...)
			}
		}
		if errs := images[img.ID]; len(errs) > 0 && img.ReadOnly {
			report.ROImages[img.ID] = append(report.ROImages[img.ID], errs...)
		} else if len(errs) > 0 {
			report.Images[img.ID] = append(report.Images[img.ID], errs...)
		}
	}
	for _, c := range all.Containers {
		if errs := images[c.ImageID]; len(errs) > 0 {
			report.Containers[c.ID] = append(report.Containers[c.ID], errs...)
		}
	}
}
