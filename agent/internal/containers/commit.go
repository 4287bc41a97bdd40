//go:build linux

package containers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/rootfs"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) commit(r *http.Request, opts container.CommitOptions) (*image.Image, error) {
	rec, err := s.loadRecord(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	var tags []string
	for _, t := range opts.Tags {
		name, err := images.NormalizeTag(t)
		if err != nil {
			return nil, err
		}
		tags = append(tags, name)
	}
	ctx := r.Context()
	held, err := s.Images.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	base, err := s.Images.Resolve(ctx, rec.ImageID)
	if err != nil {
		return nil, err
	}
	cfg, err := committedConfig(rec, base, opts) // before anything is written
	if err != nil {
		return nil, err
	}
	diff, err := s.quietDiff(ctx, rec, opts.NoPause)
	if err != nil {
		return nil, err
	}
	defer diff.Close()
	return s.putImage(ctx, held, rec, base, cfg, diff, tags)
}

// quietDiff reads the container's layer while the container holds still.
func (s *Service) quietDiff(ctx context.Context, rec *Record, noPause bool) (*os.File, error) {
	if m := s.mine(rec.ID); m != nil && !noPause {
		if run, err := m.current(); err == nil && s.freezable(run) {
			switch err := m.pause(run); {
			case err == nil:
				defer func() {
					if err := m.resume(run); err != nil && !errors.Is(err, api.ErrNotPaused) && !errors.Is(err, api.ErrNotRunning) {
						s.Logger.Error("resume after a commit", "container", rec.ID, "error", err)
					}
				}()
			case errors.Is(err, api.ErrPaused), errors.Is(err, api.ErrNotRunning):
			default:
				return nil, err
			}
		}
	}
	diff, err := rootfs.Spool(ctx, s.Images.Storage(), rec.ID, s.Images.Temp().Dir)
	return diff, s.unlessGone(rec.ID, err)
}

// putImage writes layer and image into the store.
func (s *Service) putImage(ctx context.Context, held *images.Held, rec *Record, base *images.Resolved, cfg *images.NewConfig, diff io.Reader, tags []string) (*image.Image, error) {
	st := s.Images.Storage()
	layer, _, err := st.PutLayer("", base.TopLayer, nil, "", false, nil, diff)
	if err != nil {
		return nil, fmt.Errorf("write the layer of container %s: %w", names.Short(rec.ID), err)
	}
	id, err := held.Create(base, cfg, layer)
	if err != nil {
		if derr := st.DeleteLayer(layer.ID); derr != nil {
			err = errors.Join(err, derr)
		}
		return nil, fmt.Errorf("write the image of container %s: %w", names.Short(rec.ID), err)
	}
	if err := held.MarkResult(id); err != nil {
		return nil, err
	}
	if len(tags) > 0 {
		if err := st.AddNames(id, tags); err != nil {
			return nil, fmt.Errorf("name the image of container %s: %w", names.Short(rec.ID), err)
		}
	}
	s.emit(container.EventCommit, rec, "image", "sha256:"+id, "name", strings.Join(tags, ","))
	return s.Images.Get(ctx, id)
}
