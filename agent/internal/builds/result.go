//go:build linux

package builds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/images"
)

// configuration is a plan's configuration with what only the build knows: layers, times, and which steps made none.
func (s *stage) configuration(img *dockerfile.Image, created time.Time) *dockerfile.Image {
	out := *img
	out.RootFS = v1.RootFS{Type: "layers", DiffIDs: s.diffIDs}
	out.Created = &created
	out.History = s.dated(img.History)
	return &out
}

// dated gives the entries of a history their times. One that made no layer has that of the layer before, so that the same
// layers have the same history whenever the rest was added; before any layer, that of the first.
func (s *stage) dated(planned []v1.History) []v1.History {
	out := make([]v1.History, len(planned))
	made := s.history[:] // those that changed files, and the base's
	next := 0
	var last *time.Time
	for i, h := range planned {
		if i < s.base.history || !h.EmptyLayer {
			if next < len(made) {
				if i >= s.base.history {
					h.Created, h.EmptyLayer = made[next].Created, made[next].EmptyLayer
				}
				next++
			}
		}
		if h.Created == nil {
			h.Created = last
		}
		if h.Created != nil {
			last = h.Created
		}
		out[i] = h
	}
	for i := range out {
		if out[i].Created == nil {
			out[i].Created = firstTime(out[i:])
		}
	}
	return out
}

func firstTime(list []v1.History) *time.Time {
	for _, h := range list {
		if h.Created != nil {
			return h.Created
		}
	}
	return nil
}

// kept is an image of what there is after a step, which is still to be made.
type kept struct {
	cfg   *dockerfile.Image
	layer string
}

// remember notes the step's result, and that an image is to be made of it, so that the catalogue knows what a build left.
func (s *stage) remember(img *dockerfile.Image, r *images.Result) (id string, err error) {
	if r.Image != "" && s.x.held.HasImage(r.Image) || s.cached || r.Empty {
		return r.Image, nil
	}
	cfg := s.configuration(img, r.Created)
	if id, err = images.BuiltID(cfg); err != nil {
		return "", err
	}
	s.x.mu.Lock()
	s.x.kept = append(s.x.kept, kept{cfg, s.layer})
	s.x.mu.Unlock()
	r.Image = id
	return id, s.x.held.Remember(s.key, *r)
}

// keep makes the images of the steps. The last ones come first: a layer is on the disk before its image is, with all below
// it, so that one wait for the disk does for a stage.
func (x *execution) keep() error {
	var errs []error
	for i := len(x.kept) - 1; i >= 0; i-- {
		if _, err := x.held.CreateBuilt(x.kept[i].cfg, x.kept[i].layer, false); err != nil {
			errs = append(errs, fmt.Errorf("build: keep a step's result: %w", err))
		}
	}
	x.kept = nil
	return errors.Join(errs...)
}

// result makes the build's image, or finds that it is there.
func (x *execution) result(ctx context.Context, s *stage) (id string, err error) {
	img := s.plan.Image
	if x.b.req.Result.Squash && len(s.diffIDs) > s.base.layers {
		if img, err = s.squash(ctx); err != nil {
			return "", err
		}
	}
	key, err := x.resultKey(s, img)
	if err != nil {
		return "", err
	}
	found, err := x.find(ctx, key, func(r images.Result) bool { return r.Layer == s.layer })
	if err != nil {
		return "", err
	}
	x.note(key)
	created := x.now()
	switch {
	case found != nil && found.Image != "" && x.held.HasImage(found.Image):
		id = found.Image
	default:
		if found != nil && !found.Created.IsZero() {
			created = found.Created
		}
		if id, err = x.held.CreateBuilt(s.configuration(img, created), s.layer, x.b.req.Result.OCI); err != nil {
			return "", err
		}
		if err := x.rememberResult(s, key, id, created); err != nil {
			return "", err
		}
	}
	if err := errors.Join(x.held.Finish(id, x.b.tags), x.keep()); err != nil {
		return "", err
	}
	s.last.committed(id, x.b.tags)
	return id, x.send(ctx)
}

func (x *execution) rememberResult(s *stage, key, id string, created time.Time) error {
	r := images.Result{Layer: s.layer, Image: id, Created: created}
	if n := len(s.diffIDs); n > 0 {
		r.DiffID = s.diffIDs[n-1]
	}
	if err := x.held.Remember(key, r); err != nil {
		return err
	}
	// The last step has no other image.
	if last, ok := x.held.Result(s.key); ok && last.Image == "" && last.Layer == s.layer && !last.Empty && !x.b.req.Result.Squash {
		last.Image = id
		return x.held.Remember(s.key, last)
	}
	return nil
}

// resultKey is of all that the image has but its time.
func (x *execution) resultKey(s *stage, img *dockerfile.Image) (string, error) {
	cfg := s.configuration(img, time.Time{})
	cfg.Created = nil
	b, err := json.Marshal(cfg)
	if err != nil {
		return "", err
	}
	return dockerfile.Chain("image 1", s.key, string(b), fmt.Sprint(x.b.req.Result.OCI), fmt.Sprint(x.b.req.Result.Epoch.Unix())), nil
}

// squash makes one layer of all that the build added. In the history the last step that made a layer has made it.
func (s *stage) squash(ctx context.Context) (*dockerfile.Image, error) {
	key := dockerfile.Chain("squash 1", s.base.layer, s.layer)
	r, ok := s.x.held.Result(key)
	if !ok || s.x.b.req.Cache.Disable {
		layer, err := s.x.work.Squash(ctx, s.base.layer, s.layer, work.CommitOptions{Epoch: s.x.b.req.Result.Epoch})
		if err != nil {
			return nil, fmt.Errorf("build: squash: %w", err)
		}
		r = images.Result{Layer: layer.ID, DiffID: layer.DiffID, Created: s.x.now()}
		if err := s.x.held.Remember(key, r); err != nil {
			return nil, err
		}
	}
	s.layer, s.diffIDs = r.Layer, append(append([]digest.Digest{}, s.diffIDs[:s.base.layers]...), r.DiffID)
	kept := false
	for i := len(s.history) - 1; i >= s.base.history; i-- {
		if !s.history[i].EmptyLayer {
			s.history[i].EmptyLayer = kept
			kept = true
		}
	}
	return s.plan.Image, nil
}
