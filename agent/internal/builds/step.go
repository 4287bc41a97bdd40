//go:build linux

package builds

import (
	"context"
	"errors"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/image"
)

// step does a step, the one with that index after FROM.
func (s *stage) step(ctx context.Context, now *step, p *dockerfile.Step, index int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !p.Changes() {
		if s.cached {
			now.cached()
		}
		return nil
	}
	r, err := s.files(ctx, now, p)
	if err != nil {
		return err
	}
	s.add(r, v1.History{})
	// The image of the last step of all is the build's result, unless that has other layers.
	last := s.plan == s.x.b.plan.Target && index == len(s.plan.Steps)-1
	if last && !s.x.b.req.Result.Squash {
		return nil
	}
	id, err := s.remember(p.Image, r)
	if err == nil && !last {
		s.told(id)
	}
	return err
}

// files changes files by the step, or finds that an earlier build has. now is nil for what is no step of its own.
func (s *stage) files(ctx context.Context, now *step, p *dockerfile.Step) (*images.Result, error) {
	reads, err := s.reads(ctx, p)
	if err != nil {
		return nil, err
	}
	asked := dockerfile.Chain("asked 1", s.key, p.Key)
	s.key = dockerfile.Chain(append([]string{"chain 1", s.key, p.Key}, reads...)...)
	s.x.note(s.key)
	r, err := s.find(ctx)
	if err != nil {
		return nil, err
	}
	if s.cached = r != nil; r != nil {
		if now != nil {
			now.cached()
		}
		return r, nil
	}
	if now != nil {
		now.missed(s.why(asked, len(reads) > 0))
	}
	s.missed = true
	layer, err := s.work(ctx, now, p)
	if err != nil {
		return nil, err
	}
	r = &images.Result{Layer: layer.ID, DiffID: layer.DiffID, Empty: layer.Empty && p.Dir != nil, Created: s.x.now()}
	if len(reads) > 0 {
		if err := s.x.held.Remember(asked, images.Result{Layer: layer.ID}); err != nil {
			return nil, err
		}
	}
	return r, s.x.held.Remember(s.key, *r)
}

// find looks for the result that an earlier build left by the stage's key. It must lie on what there is: the same step before
// may have come to something else since.
func (s *stage) find(ctx context.Context) (*images.Result, error) {
	if s.plan.Fresh {
		return nil, nil
	}
	return s.x.find(ctx, s.key, func(r images.Result) bool { return s.x.held.On(r, s.layer) })
}

// why says why a step has no result of an earlier build. By asked goes what the instruction last came to there.
func (s *stage) why(asked string, reads bool) image.BuildMiss {
	switch {
	case s.plan.Fresh || s.x.b.req.Cache.Disable:
		return image.MissDisabled
	case s.missed:
		return image.MissBefore
	}
	if _, ok := s.x.held.Result(asked); ok && reads {
		return image.MissFiles
	}
	return image.MissNew
}

// now is when something of the image was made.
func (x *execution) now() time.Time {
	if e := x.b.req.Result.Epoch; !e.IsZero() {
		return e.UTC()
	}
	return time.Now().UTC()
}

func (x *execution) note(key string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.keys = append(x.keys, key)
}

// find looks for a result of an earlier build that is good, here and then in the repositories.
func (x *execution) find(ctx context.Context, key string, good func(images.Result) bool) (*images.Result, error) {
	if x.b.req.Cache.Disable {
		return nil, nil
	}
	if r, ok := x.held.Result(key); ok && good(r) {
		x.held.Used(key)
		return &r, nil
	}
	return x.fetch(ctx, key, good)
}

// add puts a layer on what there is.
func (s *stage) add(r *images.Result, h v1.History) {
	if !r.Empty {
		s.layer, s.diffIDs = r.Layer, append(s.diffIDs, r.DiffID)
	}
	created := r.Created
	h.Created = &created
	h.EmptyLayer = r.Empty
	s.history = append(s.history, h)
}

// work does the step on top of what there is, and makes a layer of what it changed.
func (s *stage) work(ctx context.Context, now *step, p *dockerfile.Step) (layer work.Layer, err error) {
	parent, commit := s.layer, work.CommitOptions{Epoch: s.x.b.req.Result.Epoch, SkipEmpty: p.Dir != nil}
	if p.Copy != nil && p.Copy.Link {
		parent, commit.On = "", &s.layer
	}
	root, err := s.x.work.Begin(ctx, parent)
	if err != nil {
		return layer, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	switch {
	case p.Run != nil:
		err = s.run(ctx, now, root, p.Run)
	case p.Copy != nil:
		err = s.copy(ctx, root, p.Copy)
	default:
		_, err = root.Mkdir(ctx, p.Dir.Path, p.Dir.User)
	}
	if err != nil {
		return layer, err
	}
	if err := ctx.Err(); err != nil {
		return layer, err
	}
	return root.Commit(ctx, commit)
}

func (s *stage) run(ctx context.Context, now *step, root *work.Root, r *dockerfile.Run) error {
	mounts, close, err := s.mounts(ctx, r)
	if err != nil {
		return err
	}
	defer close()
	return root.Run(ctx, work.Run{
		Args: r.Args, Env: append(r.Env[:len(r.Env):len(r.Env)], r.Proxies...), Dir: r.Dir, User: r.User, Output: now,
		Network: r.Network, Hosts: r.Hosts, Mounts: mounts,
	})
}

func (s *stage) copy(ctx context.Context, root *work.Root, c *dockerfile.Copy) error {
	return s.parts(ctx, c, func(p part) error { return root.Copy(ctx, p.Copy) })
}
