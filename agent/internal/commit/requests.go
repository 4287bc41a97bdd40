//go:build linux

package commit

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/rootfs"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// Requests answers what is asked about images of containers.
type Requests struct {
	Records *records.Store
	Images  *images.Store
	// Diff reads a container's layer as a tar, with volumes, while the container holds still, unless it shall not.
	Diff func(ctx context.Context, rec *records.Record, volumes []rootfs.Volume, noPause bool) (*os.File, error)
	// Volume is the directory of a volume's content.
	Volume func(name string) string
	// Emit tells all who follow the store's events.
	Emit func(action container.EventAction, rec *records.Record, attrs ...string)
}

// Volumes are those among mounts that a container may write to and that have files. path is where a volume is.
func Volumes(mounts []container.Mount, path func(name string) string) (list []rootfs.Volume, err error) {
	for _, m := range mounts {
		if m.Type != container.MountVolume || m.ReadOnly {
			continue
		}
		v := rootfs.Volume{Target: m.Target, Dir: path(m.Source)}
		entries, err := os.ReadDir(v.Dir)
		if err != nil {
			return nil, fmt.Errorf("volume at %s: %w", m.Target, err)
		}
		if len(entries) > 0 {
			list = append(list, v)
		}
	}
	return list, nil
}

// Commit makes an image of a container.
func (q *Requests) Commit(r *http.Request, opts container.CommitOptions) (*image.Image, error) {
	rec, err := q.Records.Record(r.PathValue("id"))
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
	held, err := q.Images.Hold(ctx)
	if err != nil {
		return nil, err
	}
	defer held.Release()
	base, err := q.Images.Resolve(ctx, rec.ImageID)
	if err != nil {
		return nil, err
	}
	cfg, err := Config(&rec.Container, base, opts, time.Now().UTC()) // before anything is written
	if err != nil {
		return nil, err
	}
	var added []rootfs.Volume
	if opts.Volumes {
		if added, err = Volumes(rec.Mounts, q.Volume); err != nil {
			return nil, err
		}
		for _, v := range added {
			delete(cfg.Config.Volumes, v.Target)
		}
	}
	diff, err := q.Diff(ctx, rec, added, opts.NoPause)
	if err != nil {
		return nil, err
	}
	defer diff.Close()
	id, err := Put(ctx, held, q.Images, rec.ID, base, cfg, diff, tags)
	if err != nil {
		return nil, err
	}
	q.Emit(container.EventCommit, rec, "image", "sha256:"+id, "name", strings.Join(tags, ","))
	return q.Images.Get(ctx, id)
}
