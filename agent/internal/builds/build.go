//go:build linux

package builds

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"go.podman.io/buildah/define"
	"go.podman.io/buildah/imagebuildah"
	"go.podman.io/image/v5/docker/reference"

	"github.com/caisson-dev/caisson/agent/internal/builds/ocirun"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// build is one build.
type build struct {
	s       *Service
	req     Request
	dir     string // for its temporary files
	out     *output
	context string // directory
	// contexts are the directories of the named ones
	contexts map[string]string
	file     string // the Dockerfile's path
	name     string // the Dockerfile's name, as the user knows it
	text     []byte // of the Dockerfile
	tree     *dockerfile
	tags     []string
	secrets  map[string]string // paths by name

	cacheFrom, cacheTo []reference.Named
}

// prepare reads and checks everything that can be wrong before anything is pulled or run.
func (b *build) prepare(ctx context.Context, body interface{ Read([]byte) (int, error) }) error {
	if b.req.Jobs < 0 {
		return api.Errorf(api.ErrInvalidArgument, "build: Jobs %d: it must not be negative: give the number of stages to build at the same time", b.req.Jobs)
	}
	switch b.req.Pull {
	case "", image.PullMissing, image.PullAlways, image.PullNever:
	default:
		return api.Errorf(api.ErrInvalidArgument, "build: Pull %q: it must be missing, always or never", b.req.Pull)
	}
	for _, t := range b.req.Tags {
		full, err := images.NormalizeTag(t)
		if err != nil {
			return err
		}
		if !slices.Contains(b.tags, full) {
			b.tags = append(b.tags, full)
		}
	}
	if err := b.findCaches(); err != nil {
		return err
	}
	if err := b.checkSSH(); err != nil {
		return err
	}
	if err := b.req.checkNetwork(); err != nil {
		return err
	}
	if err := b.findContexts(ctx, body); err != nil {
		return err
	}
	if err := b.findDockerfile(); err != nil {
		return err
	}
	return nil
}

// run builds, and removes the temporary files.
func (b *build) run(ctx context.Context) (*image.Image, error) {
	return images.Detachable(ctx, b.s.images, "build", func() (img *image.Image, err error) {
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
		forget, err := b.keepSecrets()
		if err != nil {
			return nil, err
		}
		defer forget()
		if err := b.ensureBases(ctx); err != nil {
			return nil, err
		}
		held, err := b.s.images.Hold(ctx)
		if err != nil {
			return nil, transfer.Explain(ctx, "build", err)
		}
		defer held.Release()
		if err := b.writeDockerfile(ctx); err != nil {
			return nil, err
		}
		id, err := b.execute(ctx)
		if err := errors.Join(err, b.forgetCacheNames()); err != nil {
			return nil, err
		}
		if len(b.tags) == 0 {
			if err := held.MarkResult(id); err != nil {
				return nil, err
			}
		}
		for _, tag := range b.tags {
			b.s.images.Tell(container.EventTag, id, tag)
		}
		return b.s.images.Get(ctx, "sha256:"+id)
	})
}

// execute runs imagebuildah. It ignores a cancelled context while a step runs, so the step is killed from here.
func (b *build) execute(ctx context.Context) (string, error) {
	steps := filepath.Join(runtimeDir(b.s.images.Temp().Dir), filepath.Base(b.dir))
	if err := os.Mkdir(steps, 0o700); err != nil {
		return "", err
	}
	defer os.RemoveAll(steps) // it goes with the process's directory
	opts, err := b.options(steps)
	if err != nil {
		return "", err
	}
	ctx, failed := context.WithCancelCause(ctx)
	defer failed(nil)
	done := make(chan struct{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		killOnCancel(ctx, steps, done)
	}()
	id, _, err := imagebuildah.BuildDockerfiles(ctx, b.s.images.Storage(), opts, b.file)
	if err != nil {
		err = b.explain(ctx, err)
		failed(err)
	}
	err = errors.Join(err, b.endStages(opts, err != nil))
	close(done)
	<-killed
	return id, err
}

// endStages waits for stages that still run beside one that failed, which imagebuildah does not, and removes what they
// worked in.
func (b *build) endStages(opts define.BuildOptions, failed bool) error {
	if opts.JobSemaphore == nil || !failed {
		return nil
	}
	if err := opts.JobSemaphore.Acquire(context.Background(), int64(b.req.Jobs)); err != nil {
		return err
	}
	opts.JobSemaphore.Release(int64(b.req.Jobs))
	return b.s.images.RemoveWorking(opts.ContainerSuffix)
}

// killOnCancel kills the build's steps from the end of ctx until done: between two kills one more may start.
func killOnCancel(ctx context.Context, steps string, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	for {
		ocirun.KillBuild(steps)
		select {
		case <-done:
			return
		case <-t.C:
		}
	}
}

func (b *build) stage() error {
	if c := b.tree.replaced(b.req.Target); c != nil {
		return api.Errorf(api.ErrInvalidArgument, "build: the stage to build has the same name as the context %s, which replaces it: rename one of them", c.name)
	}
	if b.req.Target == "" || b.tree.hasStage(b.req.Target) {
		return nil
	}
	return api.Errorf(api.ErrInvalidArgument, "build: target %q: %s has no such stage; its stages: %s", b.req.Target, b.name, b.tree.stageNames())
}
