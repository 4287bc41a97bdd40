package dockertest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/images"
	"github.com/caisson-dev/caisson/dockertest/internal/shared"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/timeline"
)

// Run starts a container, waits until it is ready, and removes it when the test or benchmark is over. If that does not
// work, the test fails at once; so Run belongs in the test's own goroutine, as t.FailNow does. It works in functions of
// t.Cleanup too.
//
// The image's name is one of the store or of a registry, as for image.Store.Pull, or what Build returns.
func Run(t testing.TB, image string, opts ...Option) *Container {
	t.Helper()
	return run(t, image, applied(opts))
}

func run(t testing.TB, ref string, s *settings) *Container {
	t.Helper()
	ctx, cancel := testContext(t)
	defer cancel()
	f, err := launch(ctx, s, ref, t.Name())
	if err == nil {
		t.Cleanup(func() {
			t.Helper()
			finish(t, f)
		})
		err = f.await(ctx)
		f.unready = err != nil
	}
	if err != nil {
		failRun(t, err, "run %s", ref)
	}
	return f.For(t)
}

// launch makes and starts the container, or finds the one to reuse.
func launch(ctx context.Context, s *settings, ref, test string) (_ *Fixture, err error) {
	if err := s.complete(ref, test); err != nil {
		return nil, err
	}
	s.noteInputs()
	f := &Fixture{settings: s, test: test}
	f.times.Begin()
	defer func() {
		if err != nil {
			f.note(timeline.Failed, "", err)
		}
	}()
	eng, err := engine()
	if err != nil {
		return nil, err
	}
	f.times.Mark("agent")
	img, err := resolve(ctx, eng.Store(), s)
	if err != nil {
		return nil, err
	}
	s.opts.Image, s.opts.Pull = img.ID, image.PullNever // the name may stand for another image by now
	f.times.Mark("image")
	f.ready = s.wait(img)
	if s.reuse > 0 {
		err = f.obtain(ctx, eng, img)
	} else {
		err = f.create(ctx, eng)
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// create makes the container and starts it, in its turn.
func (f *Fixture) create(ctx context.Context, eng *container.Engine) error {
	leave, err := shared.Turn(ctx, eng, parallel())
	if err != nil {
		return err
	}
	defer leave()
	f.times.Mark("turn")
	if err = f.settings.cover(); err == nil {
		f.Container, err = eng.Create(ctx, f.settings.opts)
		f.times.Mark("create")
	}
	if err == nil && len(f.settings.files) > 0 {
		err = f.place(ctx)
		f.times.Mark("files")
	}
	if err == nil {
		f.begins(time.Now())
		if err = f.Container.Start(ctx); err != nil {
			err = fmt.Errorf("%w%s", err, missing())
		}
		f.times.Mark("start")
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%w\n  reproduce: %s", err, f.reproduce())
	if f.Container != nil {
		_ = f.Remove(context.WithoutCancel(ctx), container.RemoveOptions{Force: true}) // the first error is the one to tell
	}
	return errors.Join(err, f.settings.end())
}

// await follows the log where that is asked for, and waits until the container is ready.
func (f *Fixture) await(ctx context.Context) error {
	if err := f.refresh(ctx); err != nil {
		return err
	}
	f.forwardReserved()
	since := f.begun()
	if since.Before(f.logsFrom) {
		since = f.logsFrom
	}
	f.copies.Follow(f.Container, since, f.settings.logs)
	if err := f.waitFor(ctx, f.ready); err != nil {
		f.note(timeline.Failed, "", err)
		return err
	}
	f.times.Mark("ready")
	f.note(timeline.Ready, "", nil)
	return nil
}

// resolve finds the image or pulls it.
func resolve(ctx context.Context, store *image.Store, s *settings) (*image.Image, error) {
	img, err := images.Find(ctx, store, s.image, image.PullOptions{Policy: s.opts.Pull, Platform: s.platform, Credential: s.credential})
	if err != nil && s.offline {
		err = fmt.Errorf("%w: this run is offline by CAISSON_OFFLINE or the option Offline", err)
	}
	return img, err
}
