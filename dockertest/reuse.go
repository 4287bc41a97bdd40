package dockertest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/shared"
	"github.com/caisson-dev/caisson/image"
)

// labelReuse has the hash of what a reused container was made of.
const labelReuse = "dev.caisson.dockertest.reuse"

// Reuse keeps the container for the next Run with the same image and the same options, in this test binary or another, in
// this run of go test or a later one. The container is removed when no test has used it for the time given, whether or not
// the test binary that made it still runs. Use it for servers that take long to start, in tests that can live with what
// other tests left there, for example because each has a database of its own.
//
// With Name the container is found by that name, and it is an error if the container of that name has other options.
// A Network, a Volume and Coverage belong to one test and are refused. A container that has ended is made anew. Stop, Kill
// and Pause of one test affect all others.
func Reuse(idle time.Duration) Option {
	return optionFunc(func(s *settings) {
		if idle <= 0 {
			s.errs = append(s.errs, fmt.Errorf("Reuse: %v is not a valid idle time: say how long the container stays when no test uses it", idle))
		}
		s.reuse = idle
	})
}

// reusable says what keeps the settings from being those of a container that others use.
func (s *settings) reusable(option string) error {
	switch {
	case len(s.owned) > 0:
		return fmt.Errorf("%s: %s ends with its test, so a container that others use can't have it: leave one out", option, s.owned[0])
	case s.coverage:
		return fmt.Errorf("%s: Coverage belongs to one test binary: leave one out", option)
	case s.opts.ModifySpec != nil:
		return fmt.Errorf("%s: two ModifySpec functions can't be compared: leave one out", option)
	}
	return nil
}

// reuseKey is the hash of all that makes the container.
func (s *settings) reuseKey(img *image.Image) (string, error) {
	h := sha256.New()
	o := s.opts
	o.Image, o.Pull = "", "" // the image's id says it all
	opts, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	fmt.Fprintf(h, "%s\n%s\n%s\n", img.ID, s.platform, opts)
	for _, f := range s.files {
		fmt.Fprintf(h, "%q\n", f.what)
		if err := f.sum(h); err != nil {
			return "", fmt.Errorf("%s: %w", f.what, err)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16]), nil
}

// obtain finds the container that others have made, or makes it, and holds it. One process at a time looks for it.
func (f *Fixture) obtain(ctx context.Context, eng *container.Engine, img *image.Image) error {
	s := f.settings
	s.opts.Detach, s.opts.Lifecycle.IdleTimeout = true, s.reuse
	key, err := s.reuseKey(img)
	if err != nil {
		return err
	}
	if s.opts.Name == "" {
		s.opts.Name = "reuse-" + key[:12]
	}
	Label(labelReuse, key).apply(s)
	unlock, err := shared.Lock(ctx, eng, "reuse-"+s.opts.Name)
	if err != nil {
		return err
	}
	defer unlock()
	err = f.join(ctx, eng, key)
	for errors.Is(err, container.ErrNotFound) && ctx.Err() == nil {
		if err := f.create(ctx, eng); err != nil {
			return err
		}
		// It may be gone already, if this process stood still for all its time.
		f.release, err = f.Hold(ctx)
	}
	return err
}

// join holds the container that is there. Errors: ErrNotFound when there is none, or none that can be used, any more.
func (f *Fixture) join(ctx context.Context, eng *container.Engine, key string) error {
	found, err := eng.Get(ctx, f.settings.opts.Name)
	if err != nil {
		return err
	}
	release, err := found.Hold(ctx)
	if err != nil {
		return errors.Join(err, found.WaitRemoved(ctx))
	}
	info, err := found.Inspect(ctx)
	switch {
	case err != nil:
	case info.Options.Labels[labelReuse] != key:
		err = fmt.Errorf("%w: %s: a container with other options or with another version of the image has this name: remove it (%s), "+
			"or leave Name out, so that each set of options gets its own container",
			container.ErrNameInUse, found.Name(), cliLine("rm", "-f", found.Name()))
	case info.State.Status != container.StatusRunning:
		err = errors.Join(found.Remove(ctx, container.RemoveOptions{Force: true}), container.ErrNotFound)
	}
	if err != nil {
		release()
		return err
	}
	f.Container, f.release = found, release
	f.begins(info.State.Started)
	f.logsFrom = time.Now()
	f.times.Mark("reuse")
	return nil
}
