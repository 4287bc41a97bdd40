//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"go.podman.io/image/v5/docker/reference"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
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
	file     string   // the Dockerfile's name, as the user knows it
	text     []byte   // of the Dockerfile
	ignore   []string // of .dockerignore
	tags     []string
	named    []dockerfile.Context
	bases    map[dockerfile.Need]*dockerfile.Base
	plan     *dockerfile.Plan
	lint     bool // it ends when the plan is made

	cacheFrom, cacheTo []reference.Named
}

// prepare reads and checks everything that can be wrong before anything is pulled or run.
func (b *build) prepare(ctx context.Context, body io.Reader) error {
	if err := b.checkOptions(); err != nil {
		return err
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
	for _, check := range []func() error{b.findCaches, b.checkSecrets, b.checkSSH, b.req.checkNetwork} {
		if err := check(); err != nil {
			return err
		}
	}
	if err := b.findContexts(ctx, body); err != nil {
		return err
	}
	if b.req.From != "" {
		return nil
	}
	return b.findDockerfile()
}

func (b *build) checkOptions() error {
	if b.req.Jobs < 0 {
		return api.Errorf(api.ErrInvalidArgument, "build: Jobs %d: it must not be negative: give the number of stages to build at the same time", b.req.Jobs)
	}
	switch b.req.Pull {
	case "", image.PullMissing, image.PullAlways, image.PullNever:
	default:
		return api.Errorf(api.ErrInvalidArgument, "build: Pull %q: it must be missing, always or never", b.req.Pull)
	}
	return checkPlatform(b.req.Platform)
}

// run builds, and removes the temporary files.
func (b *build) run(ctx context.Context) (*image.Image, error) {
	return images.Detachable(ctx, b.s.images, "build", func() (img *image.Image, err error) {
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
		defer func() {
			if p := recover(); p != nil {
				err = b.panicked(p)
			}
		}()
		// The images that it begins with are there before the build takes the store's lock: a pull under that lock could
		// wait for a remover that waits for the build.
		if err := b.read(ctx); err != nil {
			return nil, ended(ctx, err)
		}
		held, err := b.s.images.Hold(ctx)
		if err != nil {
			return nil, transfer.Explain(ctx, "build", err)
		}
		defer held.Release()
		id, err := b.execute(ctx, held)
		if err != nil {
			b.s.images.Left(images.LeftOver)
			return nil, ended(ctx, err)
		}
		for _, tag := range b.tags {
			b.s.images.Tell(container.EventTag, id, tag)
		}
		return b.s.images.Get(ctx, "sha256:"+id)
	})
}

// ended is the caller's own error when it gave up.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("build: %w", context.Cause(ctx))
	}
	return err
}

// panicked makes a panic the build's error: nothing else of the agent has to do with it.
func (b *build) panicked(p any) error {
	b.s.log.Error("a build panicked", "panic", p)
	return fmt.Errorf("build: panic: %v: this is a fault of caisson, please report it with what follows\n%s", p, debug.Stack())
}

// read makes the plan, and has the images that it begins with in the store.
func (b *build) read(ctx context.Context) (err error) {
	b.bases = map[dockerfile.Need]*dockerfile.Base{}
	opts := dockerfile.Options{
		Name: b.file, Args: b.req.Args, Labels: b.req.Labels, Target: b.req.Target, Fresh: b.req.Cache.DisableStages, Platform: b.req.Platform, Host: hostPlatform(),
		Contexts: b.named, Network: b.req.Run.Network, Hosts: b.req.Run.Hosts, Proxies: proxies(), Ignore: b.ignore,
		CheckName: checkName, Base: b.base, Lint: b.lint,
	}
	if b.req.From != "" {
		b.plan, err = dockerfile.Verbs(ctx, b.req.From, b.req.Verbs, opts)
		return err
	}
	b.plan, err = dockerfile.Read(ctx, b.text, opts)
	if err == nil && !b.lint {
		b.out.warn(b.plan.Warnings)
	}
	return err
}
