//go:build linux

package builds

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"

	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/semaphore"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/images"
)

// execution is a plan that is carried out. The store's shared lock is held.
type execution struct {
	b    *build
	held *images.Held
	work *work.Worker
	jobs *semaphore.Weighted

	mu      sync.Mutex
	stages  map[*dockerfile.Stage]*stage
	sources map[string]*lazy
	keys    []string // of results, for Cache.To
	kept    []kept
}

// stage is a stage of the plan on its way.
type stage struct {
	x    *execution
	plan *dockerfile.Stage
	done chan struct{} // closed when it is built, or failed

	layer   string // what there is so far; empty for nothing
	diffIDs []digest.Digest
	history []v1.History // of the base, with times, and of what was done
	key     string       // of what there is so far
	missed  bool         // something of what there is was made anew
	cached  bool         // the last step that changed files came from an earlier build
	base    struct {     // what squash leaves alone
		layer   string
		layers  int
		history int
	}
	last *step // that is not yet told as done
}

// execute builds the target, and returns the image's id.
func (b *build) execute(ctx context.Context, held *images.Held) (id string, err error) {
	worker, err := b.s.work.Worker()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, worker.Close()) }()
	x := &execution{
		b: b, held: held, work: worker, jobs: semaphore.NewWeighted(int64(max(1, b.req.Jobs))),
		stages: map[*dockerfile.Stage]*stage{}, sources: map[string]*lazy{},
	}
	defer func() { err = errors.Join(err, x.keep()) }() // of a build that fails, too
	for _, p := range b.plan.Stages {
		x.stages[p] = &stage{x: x, plan: p, done: make(chan struct{})}
	}
	if err := x.run(ctx); err != nil {
		return "", err
	}
	return x.result(ctx, x.stages[b.plan.Target])
}

// run builds the stages, as many at once as the options say. The first that fails ends the others.
func (x *execution) run(ctx context.Context) error {
	if x.b.req.Jobs <= 1 {
		for _, p := range x.b.plan.Stages {
			if err := x.stages[p].guarded(ctx); err != nil {
				return err
			}
		}
		return nil
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for _, p := range x.b.plan.Stages {
		st := x.stages[p]
		wg.Go(func() {
			if err := st.inTurn(inner); err != nil {
				once.Do(func() {
					first = err
					cancel(err)
				})
			}
		})
	}
	wg.Wait()
	return first
}

// inTurn builds the stage when those that it needs are done, and there is a job for it.
func (s *stage) inTurn(ctx context.Context) error {
	for _, n := range s.plan.Needs {
		select {
		case <-s.x.stages[n].done:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if err := s.x.jobs.Acquire(ctx, 1); err != nil {
		return context.Cause(ctx)
	}
	defer s.x.jobs.Release(1)
	return s.guarded(ctx)
}

// guarded builds the stage. A panic is the build's error.
func (s *stage) guarded(ctx context.Context) (err error) {
	defer close(s.done)
	defer func() {
		if p := recover(); p != nil {
			err = s.x.b.panicked(p)
		}
	}()
	return s.build(ctx)
}

// build goes through the steps.
func (s *stage) build(ctx context.Context) error {
	own := 1 + len(s.plan.Steps) - s.plan.OnBuild
	from := s.x.b.out.begin(s.x.b.plan, s.plan, 1, own, s.plan.Line, s.plan.Text)
	s.last = from
	if err := s.begin(ctx); err != nil {
		return s.failed(ctx, from, err)
	}
	for i, p := range s.plan.Steps {
		s.told("")
		now := s.x.b.out.begin(s.x.b.plan, s.plan, i+2, 1+len(s.plan.Steps), p.Line, p.Text)
		s.last = now
		if err := s.step(ctx, now, p, i); err != nil {
			return s.failed(ctx, now, err)
		}
	}
	if s.plan != s.x.b.plan.Target {
		s.told("")
	}
	return nil
}

// told tells of the last step as done, if that was not done.
func (s *stage) told(id string) {
	if s.last == nil {
		return
	}
	if s.last.Step > 1 {
		id = cmp.Or(id, s.key)
	}
	s.last.done(id)
	s.last = nil
}

// begin sets what the stage begins with.
func (s *stage) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	switch from := s.plan.From; {
	case from.Stage != nil:
		base := s.x.stages[from.Stage]
		s.layer, s.diffIDs, s.history, s.key, s.base = base.layer, slices.Clip(base.diffIDs), slices.Clip(base.history), base.key, base.base
		s.cached, s.missed = base.cached, base.missed
	case from.Base != nil:
		s.layer, s.diffIDs, s.history = from.Base.Layer, slices.Clip(from.Base.Config.RootFS.DiffIDs), slices.Clip(from.Base.Config.History)
		s.key = s.x.root(s.diffIDs)
	default:
		s.key = s.x.root(nil)
	}
	if s.plan.From.Stage == nil {
		s.base.layer, s.base.layers, s.base.history = s.layer, len(s.diffIDs), len(s.history)
	}
	if s.plan.From.Context != "" {
		return s.beginWithFiles(ctx, s.plan.From)
	}
	return nil
}

// root is the key of a stage's beginning. The time that the options give is part of all that follows.
func (x *execution) root(diffIDs []digest.Digest) string {
	b, err := json.Marshal(diffIDs)
	if err != nil {
		panic(err) // they are strings
	}
	epoch := ""
	if e := x.b.req.Result.Epoch; !e.IsZero() {
		epoch = e.UTC().String()
	}
	return dockerfile.Chain("base 1", string(b), epoch)
}

// beginWithFiles is FROM of a context's files: an empty image with all of them.
func (s *stage) beginWithFiles(ctx context.Context, from dockerfile.Source) error {
	all := &dockerfile.Step{
		Text: "COPY --from=" + from.Ref + " / /", Key: dockerfile.Chain("files 1"), Image: s.plan.Image,
		Copy: &dockerfile.Copy{From: from, Items: []dockerfile.Item{{Path: "/"}}, Dest: "/", Dir: "/"},
	}
	r, err := s.files(ctx, nil, all)
	if err != nil {
		return err
	}
	s.add(r, v1.History{})
	img := *s.plan.Image
	img.History = img.History[:len(s.history)]
	_, err = s.remember(&img, r)
	return err
}
