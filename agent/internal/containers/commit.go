//go:build linux

package containers

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/commit"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/rootfs"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func (s *Service) commit(r *http.Request, opts container.CommitOptions) (*image.Image, error) {
	rec, err := s.records.Record(r.PathValue("id"))
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
	cfg, err := commit.Config(&rec.Container, base, opts, time.Now().UTC()) // before anything is written
	if err != nil {
		return nil, err
	}
	diff, err := s.quietDiff(ctx, rec, opts.NoPause)
	if err != nil {
		return nil, err
	}
	defer diff.Close()
	id, err := commit.Put(held, s.Images.Storage(), rec.ID, base, cfg, diff, tags)
	if err != nil {
		return nil, err
	}
	s.emit(container.EventCommit, rec, "image", "sha256:"+id, "name", strings.Join(tags, ","))
	return s.Images.Get(ctx, id)
}

// quietDiff reads the container's layer while the container holds still.
func (s *Service) quietDiff(ctx context.Context, rec *records.Record, noPause bool) (*os.File, error) {
	if m := s.mine(rec.ID); m != nil && !noPause {
		if run, err := m.current(); err == nil && freezable(run) {
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
