//go:build linux

package work

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/overlay"
	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/launch"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/runc"
)

// Config of a Service.
type Config struct {
	Images   *images.Store
	Networks *networks.Service // of the store's containers: steps are on the default one
	Host     host.Host
	Init     *os.File     // the binary of steps' inits, if it is not this one
	Logger   *slog.Logger // nil discards
}

// Service is what all builds of an agent share.
type Service struct {
	Config
	rt     func() *runc.Runtime
	launch *launch.Service
	slow   bool // for tests: as if the kernel could not mount layers this package's way
}

// New returns the service. It makes nothing yet, and has nothing to close.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{Config: cfg}
	s.rt = sync.OnceValue(func() *runc.Runtime {
		return runc.New(runtimeDir(cfg.Images.Temp().Path), !s.usesCgroups(), cfg.Init)
	})
	s.launch = launch.New(launch.Config{
		Host: cfg.Host, Images: cfg.Images.Storage(), Dir: s.stepDir, Logger: cfg.Logger,
		Pid: func(string) (int, error) { return 0, errors.New("a step shares no namespace") },
	})
	return s
}

// runtimeDir is where the steps of the process with this temporary directory have their state.
func runtimeDir(temp string) string { return filepath.Join(temp, "steps") }

// Sweep ends the steps that a process left that is gone, whose temporary directory was temp.
func Sweep(temp string) error { return runc.CleanAll(runtimeDir(temp)) }

// stepDir has the files of one step, such as its /etc/hosts.
func (s *Service) stepDir(id string) string {
	return filepath.Join(s.Images.Temp().Path, "step-"+id)
}

// usesCgroups is false in a user namespace and where the hierarchy is mounted read-only, as in a container: a step has no
// limits of its own, and does without.
func (s *Service) usesCgroups() bool {
	if s.Host.Rootless {
		return false
	}
	var st unix.Statfs_t
	for _, dir := range []string{"/sys/fs/cgroup/devices", "/sys/fs/cgroup"} {
		if err := unix.Statfs(dir, &st); err == nil {
			return st.Flags&unix.ST_RDONLY == 0
		}
	}
	return false
}

// Worker is what one build works with. Its methods may be called from several goroutines at the same time; those of one Root
// may not.
type Worker struct {
	s   *Service
	dir string

	mu      sync.Mutex
	closers map[*closer]bool
}

// closer is a root or a source that is not closed yet.
type closer struct{ f func() error }

// Worker returns what a new build works with.
func (s *Service) Worker() (*Worker, error) {
	dir, err := s.Images.Temp().Make("build")
	if err != nil {
		return nil, err
	}
	return &Worker{s: s, dir: dir, closers: map[*closer]bool{}}, nil
}

// Dir is a directory that goes with the worker.
func (w *Worker) Dir() string { return w.dir }

// Close closes what is not closed yet, and removes all that the build had.
func (w *Worker) Close() error {
	w.mu.Lock()
	var left []*closer
	for c := range w.closers {
		left = append(left, c)
	}
	w.mu.Unlock()
	var errs []error
	for _, c := range left {
		errs = append(errs, w.closeOne(c))
	}
	return errors.Join(append(errs, removeAll(w.dir))...)
}

// onClose has f called by Close, unless it is called before by closeOne.
func (w *Worker) onClose(f func() error) *closer {
	c := &closer{f}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closers[c] = true
	return c
}

// closeOne calls the function of a closer, once.
func (w *Worker) closeOne(c *closer) error {
	w.mu.Lock()
	open := w.closers[c]
	delete(w.closers, c)
	w.mu.Unlock()
	if !open {
		return nil
	}
	return c.f()
}

// temp makes a directory for one thing of the build.
func (w *Worker) temp(prefix string) (string, error) { return os.MkdirTemp(w.dir, prefix+"-") }

// removeAll removes a directory in which directories may lack rights, which an ordinary user's root respects.
func removeAll(dir string) error {
	if err := os.RemoveAll(dir); err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700) // RemoveAll tells
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// lowers are the directories of a layer and those below it, the topmost first; ok is false where the layer can't be mounted
// by them.
func (s *Service) lowers(id string) (dirs []string, ok bool, err error) {
	return overlay.Dirs(s.Images.Layers(), id)
}
