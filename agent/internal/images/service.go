package images

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.podman.io/storage"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// Service is the images of one store. All methods are safe for concurrent use.
type Service struct {
	// RemoveContainers removes stopped containers of the engine by the ids of their storage containers. The engine
	// sets it before the first request.
	RemoveContainers func(ctx context.Context, storageIDs []string) error
	// MeasureContainers adds containers and volumes to what the store takes. The engine sets it, too.
	MeasureContainers func(ctx context.Context, u *image.DiskUsage) error

	// Emit tells what happened to an image. The engine sets it before the first request.
	Emit func(container.Event)

	layout state.Layout
	log    *slog.Logger
	store  storage.Store
	temp   *Temp
	known  configs

	views   sync.Map       // of open file systems, by handle
	single  bool           // this user namespace has one id alone
	running sync.WaitGroup // work that outlives its caller's patience

	mu     sync.Mutex
	dirty  bool        // a failed pull left layers that no image has
	keep   time.Time   // until when they stay for another
	later  *time.Timer // when that is over
	closed bool
	close  []func() error
}

// New opens the store and collects what dead processes left. In a rootless agent it must run inside the user
// namespace: outside, containers/storage would note that it needs fuse and never forget.
func New(layout state.Layout, logger *slog.Logger) (*Service, error) {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	if err := layout.Make(); err != nil {
		return nil, err
	}
	temp, err := newTemp(layout)
	if err != nil {
		return nil, fmt.Errorf("temporary directory of the store: %w", err)
	}
	s := &Service{layout: layout, log: logger, temp: temp}
	if err := s.open(); err != nil {
		return nil, errors.Join(err, temp.remove())
	}
	if err := s.collect(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// open points the upstream libraries at this store alone, and opens it.
func (s *Service) open() error {
	// These are read from the environment deep inside the upstream libraries. The process is the agent: its
	// environment is ours.
	for k, v := range map[string]string{
		"TMPDIR":                  s.temp.Dir,
		"CONTAINERS_STORAGE_CONF": os.DevNull, // a broken storage.conf would break GetStore even with explicit options
		// Nothing of ours is mounted with other ids than it has. To find out whether the kernel could do that, the driver
		// forks this process, and what it forks outlives an agent that is killed in that moment, with all its locks.
		"_CONTAINERS_OVERLAY_DISABLE_IDMAP": "yes",
	} {
		if err := os.Setenv(k, v); err != nil {
			return err
		}
	}
	var err error
	if s.single, err = singleID(); err != nil {
		return err
	}
	if err := forgetMountProgram(filepath.Join(s.layout.Graph(), "overlay")); err != nil {
		return err
	}
	opts := storage.StoreOptions{
		GraphRoot:       s.layout.Graph(),
		RunRoot:         s.layout.GraphRun(),
		GraphDriverName: "overlay",
	}
	if s.single {
		opts.GraphDriverOptions = append(opts.GraphDriverOptions, "overlay.ignore_chown_errors=true")
	}
	for _, dir := range s.layout.ReadOnly {
		if st, err := os.Stat(filepath.Join(dir, "overlay-images")); err != nil || !st.IsDir() {
			return api.Errorf(api.ErrInvalidArgument, "read-only store %s: it is no store of the overlay driver's: name the directory that has overlay-images", dir)
		}
		opts.GraphDriverOptions = append(opts.GraphDriverOptions, "overlay.imagestore="+dir)
	}
	if s.store, err = storage.GetStore(opts); err != nil {
		return openError(s.layout.Root, err)
	}
	return nil
}

func openError(root string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS):
		return api.Errorf(api.ErrPermission, "open the store %s: %w: choose a directory that this user may write with StoreOptions.Root", root, err)
	case strings.Contains(err.Error(), "mount_program is required") || strings.Contains(err.Error(), "not supported"):
		return api.Errorf(api.ErrUnsupported, "open the store %s: %w: put StoreOptions.Root on a file system that overlay works on, as ext4, xfs or tmpfs", root, err)
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

// singleID says whether this process's user namespace has one id alone.
func singleID() (bool, error) {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false, err
	}
	f := strings.Fields(string(b))
	return len(f) == 3 && f[2] == "1", nil
}

// Tell emits what happened to an image, of its names the one that it happened by.
func (s *Service) Tell(action container.EventAction, id, name string) {
	if s.Emit != nil {
		s.Emit(container.Event{Type: container.EventImage, Action: action, ID: "sha256:" + strings.TrimPrefix(id, "sha256:"), Name: name})
	}
}

// Close gives the store back.
func (s *Service) Close() error {
	s.keepNothing()
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
	s.store.Free()
	// containers/storage binds its overlay directory onto itself. Its Shutdown would take that away, and also make
	// every other process of the store load everything anew.
	err := unix.Unmount(filepath.Join(s.layout.Graph(), "overlay"), unix.MNT_DETACH)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		err = nil // not mounted
	}
	s.mu.Lock()
	dirty := s.dirty
	s.mu.Unlock()
	if dirty {
		return errors.Join(append(errs, err, s.temp.abandon())...)
	}
	return errors.Join(append(errs, err, s.temp.remove())...)
}

// OnClose has f called when the store is given back, before anything else goes.
func (s *Service) OnClose(f func() error) { s.close = append(s.close, f) }

// OneID says whether files of the store can have one owner alone.
func (s *Service) OneID() bool { return s.single }

// Storage is the open store.
func (s *Service) Storage() storage.Store { return s.store }

// Temp is this process's directory for temporary files.
func (s *Service) Temp() *Temp { return s.temp }

// Routes registers the requests of image.Store, without Build.
func (s *Service) Routes(mux *wire.Mux) {
	mux.Handle(api.ImagePull, s.handlePull)
	mux.Handle(api.ImagePush, s.handlePush)
	mux.Handle(api.ImagePushIndex, s.handlePushIndex)
	mux.Handle(api.ImageGet, s.handleGet())
	mux.Handle(api.ImageList, s.handleList())
	mux.Handle(api.ImageTag, s.handleTag())
	mux.Handle(api.ImageUntag, s.handleUntag())
	mux.Handle(api.ImageRemove, s.handleRemove())
	mux.Handle(api.ImagePrune, s.handlePrune())
	mux.Handle(api.ImageHistory, s.handleHistory())
	mux.Handle(api.ImageSave, s.handleSave)
	mux.Handle(api.ImageExport, s.handleExport)
	mux.Handle(api.ImageLoad, s.handleLoad)
	mux.Handle(api.ImageImport, s.handleImport)
	mux.Handle(api.StoreUsage, s.handleUsage())
	mux.Handle(api.StoreCheck, s.handleCheck())
	s.routeFS(mux)
}
