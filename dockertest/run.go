package dockertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// Run starts a container, waits until it is ready, and removes it when the test or benchmark is over. If that does not
// work, the test fails at once; so, as t.FailNow, Run belongs in the test's own goroutine.
//
// The image's name is one of the store or of a registry, as for image.Store.Pull, or what Build returns.
func Run(t testing.TB, image string, opts ...Option) *Container {
	t.Helper()
	c, err := launch(t.Context(), t, image, opts)
	if err != nil {
		t.Fatalf("dockertest: run %s: %v", image, err)
	}
	return c
}

// Start is Run outside tests. Close removes the container; without it, it goes with the process. Cancelling ctx ends
// the wait for it to be ready.
//
// Errors: *ReadyError when it does not become ready; container.ErrInvalidArgument for an option; those of Engine, of
// image.Store.Pull and of container.Engine.Run.
func Start(ctx context.Context, image string, opts ...Option) (*Container, error) {
	return launch(ctx, nil, image, opts)
}

func launch(ctx context.Context, tb testing.TB, ref string, opts []Option) (*Container, error) {
	s, err := newSettings(tb, ref, opts)
	if err != nil {
		return nil, err
	}
	c := &Container{tb: tb, settings: s}
	c.times.begin = time.Now()
	eng, err := engine()
	if err != nil {
		return nil, err
	}
	c.times.mark("agent")
	img, err := resolve(ctx, eng.Store(), s)
	if err != nil {
		return nil, err
	}
	c.times.mark("image")
	c.ready = s.wait(img)
	if s.reuse > 0 {
		err = c.obtain(ctx, eng, img)
	} else {
		err = c.create(ctx, eng)
	}
	if err != nil {
		return nil, err
	}
	if tb != nil {
		tb.Cleanup(c.finish)
	}
	if err := c.await(ctx); err != nil {
		c.unready = true
		if tb == nil {
			_ = c.Close() // the error that is told is why it is not ready
		}
		return nil, err
	}
	return c, nil
}

// create makes the container and starts it, in its turn.
func (c *Container) create(ctx context.Context, eng *container.Engine) error {
	leave, err := turn(ctx, eng, parallel())
	if err != nil {
		return err
	}
	defer leave()
	c.times.mark("turn")
	if err = c.settings.cover(); err == nil {
		c.Container, err = eng.Create(ctx, c.settings.opts)
		c.times.mark("create")
	}
	if err == nil && len(c.settings.files) > 0 {
		err = c.place(ctx)
		c.times.mark("files")
	}
	if err == nil {
		c.started = time.Now()
		err = c.Container.Start(ctx)
		c.times.mark("start")
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w\n  reproduce: %s", err, c.command())
	if c.Container != nil {
		_ = c.Container.Remove(context.WithoutCancel(ctx), container.RemoveOptions{Force: true}) // the first error is the one to tell
	}
	return errors.Join(err, c.settings.end())
}

// await follows the log where that is asked for, and waits until the container is ready.
func (c *Container) await(ctx context.Context) error {
	if err := c.refresh(ctx); err != nil {
		return err
	}
	c.follow()
	if err := c.waitFor(ctx, c.ready); err != nil {
		return err
	}
	c.times.mark("ready")
	return nil
}

// refresh learns the addresses, which are others after each start.
func (c *Container) refresh(ctx context.Context) error {
	info, err := c.Inspect(ctx)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.info = info
	return nil
}

// resolve finds the image or pulls it, once for all containers of this process.
func resolve(ctx context.Context, store *image.Store, s *settings) (*image.Image, error) {
	policy := s.opts.Pull
	if policy == "" {
		policy = image.PullMissing
	}
	key := fmt.Sprint(s.opts.Image, "\n", s.platform, "\n", policy)
	img, err := images.do(ctx, key, func() (*image.Image, error) {
		return store.Pull(ctx, s.opts.Image, image.PullOptions{Policy: policy, Platform: s.platform, Credentials: s.credentials})
	})
	if err != nil {
		if s.offline {
			err = fmt.Errorf("%w: this run is offline (CAISSON_OFFLINE, or option Offline): pull the image before", err)
		}
		return nil, err
	}
	if s.platform != "" {
		s.opts.Image = img.ID // the name may stand for another platform's image by now
	}
	if s.opts.Pull == image.PullAlways {
		s.opts.Pull = image.PullMissing
	}
	return img, nil
}

var images = flight[*image.Image]{}
