package images

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/agent/internal/tempdir"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// Config of a Store.
type Config struct {
	Layout state.Layout
	OneID  bool // this user namespace has one id alone: files can have no other owner
	// Sweep ends what the builds of a process left that is gone, whose temporary directory it is given; nil does nothing.
	Sweep func(temp string) error
	// Emit tells what happened to an image; nil discards.
	Emit   func(container.Event)
	Logger *slog.Logger // nil discards
}

// Store is an open store. All methods are safe for concurrent use.
type Store struct {
	layout state.Layout
	oneID  bool
	sweep  func(temp string) error
	emit   func(container.Event)
	log    *slog.Logger
	store  storage.Store
	disk   *durable // is store
	layers *layer.Store
	temp   *tempdir.Dir
	room   *diskspace.Reserve
	known  configs
	sound  *sound

	running sync.WaitGroup // work that outlives its caller's patience
	left    leftovers
	close   []func() error
}

// Open opens the store and collects what dead processes left. In a rootless agent it must run inside the user
// namespace: outside, containers/storage would note that it needs fuse and never forget.
func Open(cfg Config) (*Store, error) {
	s := &Store{layout: cfg.Layout, oneID: cfg.OneID, sweep: cfg.Sweep, emit: cfg.Emit, log: cfg.Logger}
	if s.sweep == nil {
		s.sweep = func(string) error { return nil }
	}
	if s.emit == nil {
		s.emit = func(container.Event) {}
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.layout.Make(); err != nil {
		return nil, err
	}
	s.room = diskspace.NewReserve(s.layout.Reserve())
	err := s.start()
	if diskspace.IsFull(err) {
		s.room.Release()
		err = s.start()
	}
	if err != nil {
		return nil, err
	}
	s.room.Keep()
	s.layers = &layer.Store{
		Storage: s.store, Graph: s.layout.Graph(),
		MountLock: filepath.Join(s.layout.Locks(), "mount"), Empty: filepath.Join(s.temp.Path, "empty"),
	}
	if s.sound, err = newSound(s.layout.Sound()); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := s.collect(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if s.sound.begin() { // layers that were on their way when the machine went down may not be whole
		s.Left(LeftOver)
		s.collectOrphans()
	}
	return s, nil
}

// start opens the store with a temporary directory of this process.
func (s *Store) start() error {
	var err error
	if s.temp, err = tempdir.New(s.layout); err != nil {
		return openError(s.layout.Root, err)
	}
	if err := s.open(); err != nil {
		return errors.Join(err, s.temp.Remove())
	}
	return nil
}

// open points the upstream libraries at this store alone, and opens it.
func (s *Store) open() error {
	// These are read from the environment deep inside the upstream libraries. The process is the agent: its
	// environment is ours.
	for k, v := range map[string]string{
		"TMPDIR":                  s.temp.Path,
		"CONTAINERS_STORAGE_CONF": os.DevNull, // a broken storage.conf would break GetStore even with explicit options
		// Nothing of ours is mounted with other ids than it has. To find out whether the kernel could do that, the driver
		// forks this process, and what it forks outlives an agent that is killed in that moment, with all its locks.
		"_CONTAINERS_OVERLAY_DISABLE_IDMAP": "yes",
	} {
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	if err := forgetMountProgram(filepath.Join(s.layout.Graph(), "overlay")); err != nil {
		return err
	}
	opts := storage.StoreOptions{
		GraphRoot:       s.layout.Graph(),
		RunRoot:         s.layout.GraphRun(),
		GraphDriverName: "overlay",
	}
	if s.oneID {
		opts.GraphDriverOptions = append(opts.GraphDriverOptions, "overlay.ignore_chown_errors=true")
	}
	for _, dir := range s.layout.ReadOnly {
		if st, err := os.Stat(filepath.Join(dir, "overlay-images")); err != nil || !st.IsDir() {
			return api.Errorf(api.ErrInvalidArgument, "read-only store %s: it is not a store of the overlay driver: name the directory that has overlay-images", dir)
		}
		opts.GraphDriverOptions = append(opts.GraphDriverOptions, "overlay.imagestore="+dir)
	}
	store, err := storage.GetStore(opts)
	if err != nil {
		return openError(s.layout.Root, err)
	}
	s.disk = &durable{store, s.layout.Graph()}
	s.store = s.disk
	// The driver makes these for good when it first needs them. Made now, what comes after is layers.
	for _, dir := range []string{"staging", "tempdirs"} {
		if err := os.MkdirAll(filepath.Join(s.layout.Graph(), "overlay", dir), 0o700); err != nil {
			return openError(s.layout.Root, err)
		}
	}
	return nil
}

func openError(root string, err error) error {
	switch {
	case diskspace.IsFull(err):
		return api.Errorf(api.ErrNoSpace, "open the store %s: %w: free some room on its file system", root, err)
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return api.Errorf(api.ErrPermission, "open the store %s: %w: choose a directory that this user may write with StoreOptions.Root", root, err)
	case strings.Contains(err.Error(), "mount_program is required") || strings.Contains(err.Error(), "not supported"):
		return api.Errorf(api.ErrUnsupported, "open the store %s: %w: put StoreOptions.Root on a file system that overlay works on, such as ext4, xfs or tmpfs", root, err)
	}
	return fmt.Errorf("open the store %s: %w", root, err)
}

// forgetMountProgram removes the note that overlay needs fuse-overlayfs. It is left by a process that opened the store
// outside its user namespace; with layers of fuse-overlayfs in the store it is true and stays.
func forgetMountProgram(overlay string) error {
	flag := filepath.Join(overlay, ".has-mount-program")
	b, err := os.ReadFile(flag)
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(b)) != "true" {
		return nil
	}
	if err != nil {
		return err
	}
	if l, err := os.ReadDir(filepath.Join(overlay, "l")); err == nil && len(l) > 0 {
		return nil
	}
	return os.Remove(flag)
}

// Tell emits what happened to an image, of its names the one that it happened by.
func (s *Store) Tell(action container.EventAction, id, name string) {
	s.emit(container.Event{Type: container.EventImage, Action: action, ID: "sha256:" + strings.TrimPrefix(id, "sha256:"), Name: name})
}

// Close gives the store back.
func (s *Store) Close() error {
	s.left.close()
	s.running.Wait()
	var errs []error
	for _, f := range s.close {
		errs = append(errs, f())
	}
	// Once more: a process that was dying while this one opened the store is dead by now.
	if err := s.collect(); err != nil {
		s.log.Warn("collect before the store is closed", "error", err)
	}
	s.collectOrphans()
	s.removeLocks()
	s.room.Keep()
	s.store.Free()
	// containers/storage binds its overlay directory onto itself. Its Shutdown would take that away, and also make
	// every other process of the store load everything anew.
	err := unix.Unmount(filepath.Join(s.layout.Graph(), "overlay"), unix.MNT_DETACH)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		err = nil // not mounted
	}
	if s.left.any() {
		return errors.Join(append(errs, err, s.temp.Abandon())...)
	}
	return errors.Join(append(errs, err, s.temp.Remove())...)
}

// OnClose has f called when the store is given back, before anything else goes.
func (s *Store) OnClose(f func() error) { s.close = append(s.close, f) }

// OneID says whether files of the store can have one owner alone.
func (s *Store) OneID() bool { return s.oneID }

// Storage is the open store.
func (s *Store) Storage() storage.Store { return s.store }

// Temp is this process's directory for temporary files.
func (s *Store) Temp() *tempdir.Dir { return s.temp }

// Room is what is kept of the disk for those who free more.
func (s *Store) Room() *diskspace.Reserve { return s.room }

// Layers is the layers of the store.
func (s *Store) Layers() *layer.Store { return s.layers }

// Layout is where the store is.
func (s *Store) Layout() state.Layout { return s.layout }

// Logger is where the rooms around the store tell what nobody waits for.
func (s *Store) Logger() *slog.Logger { return s.log }
