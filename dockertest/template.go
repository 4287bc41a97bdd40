package dockertest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/shared"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/inputs"
)

// template has the options that only Template and Prepare have.
type template struct {
	is    bool
	only  string        // the name of an option that is for templates
	files []string      // that prepare reads
	idle  time.Duration // 0: defaultIdle
	ahead int           // if isFew
	isFew bool
}

// defaultIdle is how long a template stays that no process uses.
const defaultIdle = 24 * time.Hour

// Inputs are files and directories of this machine that prepare reads, such as migrations. When one of them changes the template is
// prepared anew, and the go command does not take a test's result from its cache.
func Inputs(paths ...string) Option {
	return optionFunc(func(s *settings) { s.template.only, s.template.files = "Inputs", append(s.template.files, paths...) })
}

// Idle is how long a template is kept when no process uses it. Default: 24 hours.
func Idle(d time.Duration) Option {
	return optionFunc(func(s *settings) {
		if s.template.only, s.template.idle = "Idle", d; d <= 0 {
			s.errs = append(s.errs, fmt.Errorf("Idle: %v is not a valid idle time: say how long the template stays when no process uses it", d))
		}
	})
}

// Ahead is how many forks of a template this process keeps started and ready, so that Run need not wait for one. Default: as many
// as tests run side by side (GOMAXPROCS), and at most 4.
func Ahead(n int) Option {
	return optionFunc(func(s *settings) {
		if s.template.only, s.template.ahead, s.template.isFew = "Ahead", n, true; n < 0 {
			s.errs = append(s.errs, fmt.Errorf("Ahead: %d is not a valid number: say how many forks are kept ready, or 0 for none", n))
		}
	})
}

// Prepared is a container that was prepared once, and stopped: Run and Start start forks of it. Its methods are safe for
// concurrent use.
type Prepared struct {
	eng      *container.Engine
	settings *settings
	key      string
	image    *image.Image
	wait     Wait

	ready   chan *Fixture // forks that nobody has taken
	filling atomic.Bool
}

// Template prepares a container once: it runs, prepare fills it, such as with a schema and data, and it is stopped as Stop does. Run
// of the result starts forks of it, each with files of its own from there on, which takes the time of a start of a server that has
// its data:
//
//	var migrate = func(pg *dockertest.Container) { … }
//
//	func TestOrders(t *testing.T) {
//		pg := dockertest.Template(t, "postgres:17", migrate, dockertest.Port(5432), dockertest.Inputs("migrations")).Run(t)
//
// All tests, test binaries and runs of them with the same image, the same options and the same Inputs share one template: the first
// prepares it while the others wait. What prepare does is not compared: what it reads must be named by Inputs, and Label may have a
// version. If prepare fails t, or its process is killed, there is no template, and the next call prepares it. A template is
// removed when no process has used it for the time of the option Idle.
//
// The template is an image of the store, with the files of the container and of its volumes; a fork has no volumes that it may write
// to. Waits must hold for a server that starts with its data, too: such a server may not write what it writes at its first start. A Network, a Volume and Coverage belong to one test and are
// refused.
func Template(t testing.TB, image string, prepare func(c *Container), opts ...Option) *Prepared {
	t.Helper()
	ctx, cancel := testContext(t)
	defer cancel()
	p, err := prepared(ctx, image, applied(opts), func(f *Fixture) error {
		prepare(f.For(t))
		if t.Failed() {
			return errors.New("its prepare function has failed the test")
		}
		return nil
	})
	if err != nil {
		failRun(t, err, "template of %s", image)
	}
	return p
}

// Prepare is Template for programs and TestMain.
//
// Errors: what prepare returns; those of Start; those of container.Container.Commit.
func Prepare(ctx context.Context, image string, prepare func(context.Context, *Fixture) error, opts ...Option) (*Prepared, error) {
	return prepared(ctx, image, applied(opts), func(f *Fixture) error { return prepare(ctx, f) })
}

// templates are those of this process, by key.
var templates = struct {
	sync.Mutex
	all map[string]*Prepared
}{all: map[string]*Prepared{}}

const templateName = "localhost/dockertest-template:"

func prepared(ctx context.Context, ref string, s *settings, prepare func(*Fixture) error) (*Prepared, error) {
	s.template.is = true
	if err := s.complete(ref, ""); err != nil {
		return nil, err
	}
	if err := s.forkable(); err != nil {
		return nil, fmt.Errorf("%w: %w", container.ErrInvalidArgument, err)
	}
	s.noteInputs()
	for _, path := range s.template.files {
		inputs.Tree(path)
	}
	eng, err := engine()
	if err != nil {
		return nil, err
	}
	img, err := resolve(ctx, eng.Store(), s)
	if err != nil {
		return nil, err
	}
	s.opts.Image, s.opts.Pull = img.ID, image.PullNever
	key, err := s.templateKey(img)
	if err != nil {
		return nil, err
	}
	p := &Prepared{eng: eng, settings: s, key: key, wait: s.wait(img), ready: make(chan *Fixture, s.template.number())}
	return p.obtain(ctx, prepare)
}

// forkable says what keeps forks from having the settings.
func (s *settings) forkable() error {
	switch {
	case s.reuse > 0:
		return errors.New("Template: Reuse gives tests one container, and Template gives each its own: leave one out")
	case s.opts.ReadOnly:
		return errors.New("Template: the files of volumes are in a fork's root file system, which can't be read-only: leave ReadOnly out")
	case s.opts.AutoRemove:
		return errors.New("Template: a container that goes when it is stopped can't be a template: leave AutoRemove out")
	}
	return s.reusable("Template")
}

func (t template) number() int {
	if t.isFew {
		return t.ahead
	}
	return min(runtime.GOMAXPROCS(0), 4)
}

// templateKey is the hash of all that makes the template, but what prepare does.
func (s *settings) templateKey(img *image.Image) (string, error) {
	key, err := s.reuseKey(img)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, key)
	for _, path := range s.template.files {
		fmt.Fprintf(h, "%q\n", filepath.ToSlash(path))
		if err := inputs.HashPath(h, path); err != nil {
			return "", fmt.Errorf("%w: Inputs: %w", container.ErrInvalidArgument, err)
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:16]), nil
}

// obtain finds the template that this process or another has made, or makes it. One at a time looks for it.
func (p *Prepared) obtain(ctx context.Context, prepare func(*Fixture) error) (*Prepared, error) {
	idle := p.settings.template.idle
	if idle == 0 {
		idle = defaultIdle
	}
	store := p.eng.Store()
	err := shared.Expire(p.eng, "template", func(key string) error {
		_, err := store.Remove(ctx, templateName+key, image.RemoveOptions{})
		if errors.Is(err, image.ErrNotFound) {
			return nil
		}
		return err
	})
	if err == nil {
		err = shared.Lease(ctx, p.eng, "template", p.key, idle)
	}
	if err != nil {
		return nil, err
	}
	unlock, err := shared.Lock(ctx, p.eng, "prepare-"+p.key)
	if err != nil {
		return nil, err
	}
	defer unlock()
	p.image, err = store.Get(ctx, templateName+p.key)
	if errors.Is(err, image.ErrNotFound) {
		p.image, err = p.make(ctx, prepare)
	}
	if err != nil {
		return nil, err
	}
	templates.Lock()
	defer templates.Unlock()
	if have := templates.all[p.key]; have != nil && have.image.ID == p.image.ID {
		return have, nil
	}
	templates.all[p.key] = p
	p.fill()
	return p, nil
}

// make prepares the template: whatever ends it before its end, nothing is left.
func (p *Prepared) make(ctx context.Context, prepare func(*Fixture) error) (_ *image.Image, err error) {
	s := *p.settings
	f := &Fixture{settings: &s, ready: p.wait}
	f.times.Begin()
	if err := f.create(ctx, p.eng); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.await(ctx); err != nil {
		return nil, err
	}
	if err := prepare(f); err != nil {
		return nil, err
	}
	if err := f.Stop(ctx, container.StopOptions{}); err != nil {
		return nil, fmt.Errorf("stop the prepared container: %w", err)
	}
	return f.Commit(ctx, container.CommitOptions{Tags: []string{templateName + p.key}, Volumes: true, NoPause: true})
}

// Run takes a fork that is ready, or starts one and waits until it is. It is removed when t is over.
func (p *Prepared) Run(t testing.TB) *Container {
	t.Helper()
	ctx, cancel := testContext(t)
	defer cancel()
	f, err := p.take(ctx, t.Name())
	if f != nil {
		t.Cleanup(func() {
			t.Helper()
			finish(t, f)
		})
	}
	if err != nil {
		failRun(t, err, "fork the template of %s", p.settings.image)
	}
	return f.For(t)
}

// Start is Run for programs and TestMain. Close removes the fork; without it, it goes with the process.
//
// Errors: those of the function Start; image.ErrNotFound when the template was removed.
func (p *Prepared) Start(ctx context.Context) (*Fixture, error) {
	f, err := p.take(ctx, "")
	if err != nil {
		if f != nil {
			_ = f.Close() // the error that is told is why it is not ready
		}
		return nil, err
	}
	return f, nil
}

// take returns a fork that is ready. With an error it returns the one that is not, if there is one.
func (p *Prepared) take(ctx context.Context, test string) (*Fixture, error) {
	defer p.fill()
	for {
		select {
		case f := <-p.ready:
			if info, err := f.Inspect(ctx); err == nil && info.State.Status == container.StatusRunning {
				f.test = test
				return f, nil
			}
			_ = f.Close() // it has ended meanwhile; the next is as good
			continue
		default:
		}
		return p.fork(ctx, test)
	}
}

// fork starts a fork and waits until it is ready. With an error it returns the one that is not, if there is one.
func (p *Prepared) fork(ctx context.Context, test string) (*Fixture, error) {
	s := *p.settings
	s.opts.Image, s.opts.Name, s.files = p.image.ID, "", nil
	s.opts.Mounts = slices.DeleteFunc(slices.Clone(s.opts.Mounts), func(m container.Mount) bool {
		return m.Type == container.MountVolume && !m.ReadOnly
	})
	if test != "" {
		s.opts.Labels = mapsWith(s.opts.Labels, labelTest, test)
		s.opts.Detach = keep()
	}
	if err := shared.Touch(p.eng, "template", p.key); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	f := &Fixture{settings: &s, ready: p.wait, test: test}
	f.times.Begin()
	if err := f.create(ctx, p.eng); err != nil {
		return nil, err
	}
	if err := f.await(ctx); err != nil {
		f.unready = true
		return f, err
	}
	return f, nil
}

func mapsWith(m map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	for k, v := range m {
		if k != key {
			out[k] = v
		}
	}
	return out
}

// fill has forks started in the background until as many are ready as shall be, one after the other: tests that start containers
// themselves come first by their number. One that fails is left to the next Run, which tells why.
func (p *Prepared) fill() {
	if cap(p.ready) == 0 || !p.filling.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer p.filling.Store(false)
		for len(p.ready) < cap(p.ready) {
			f, err := p.fork(context.Background(), "")
			if err != nil {
				if f != nil {
					_ = f.Close() // the next Run tells the error
				}
				return
			}
			p.ready <- f // there is room: nobody else puts one in
		}
	}()
}
