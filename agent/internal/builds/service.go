//go:build linux

package builds

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"go.podman.io/storage/pkg/unshare"

	"github.com/caisson-dev/caisson/agent/internal/builds/ocirun"
	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

// runtimeDir is where the builds of the process with this temporary directory keep the state of running steps.
func runtimeDir(temp string) string { return filepath.Join(temp, "oci") }

// Sweep ends what the builds of a process left that is gone, whose temporary directory was temp.
func Sweep(temp string) error {
	return errors.Join(ocirun.DestroyAll(runtimeDir(temp)), work.Sweep(temp))
}

// Service builds images into one store.
type Service struct {
	images    *images.Store
	transfers *transfer.Service
	layout    state.Layout
	log       *slog.Logger
	guard     *ocirun.Guard
	verbs     *ocirun.Server
	ready     func() error
	work      *work.Service
}

// New returns a Service. It needs nothing closed but images.
func New(i *images.Store, t *transfer.Service, w *work.Service, layout state.Layout, logger *slog.Logger) *Service {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	s := &Service{images: i, transfers: t, layout: layout, log: logger, work: w}
	s.guard = ocirun.NewGuard(runtimeDir(i.Temp().Dir))
	s.ready = sync.OnceValue(s.prepare)
	s.verbs = ocirun.NewServer(runtimeDir(i.Temp().Dir), logger)
	i.OnClose(s.verbs.Close)
	i.OnClose(s.guard.Close)
	return s
}

// Routes registers the request of image.Store.Build.
func (s *Service) Routes(mux *wire.Mux) { mux.Handle(api.ImageBuild, s.handleBuild) }

// prepare is done before the first build.
func (s *Service) prepare() error {
	if err := os.MkdirAll(runtimeDir(s.images.Temp().Dir), 0o700); err != nil {
		return err
	}
	if err := os.MkdirAll(s.images.CacheMounts(), 0o700); err != nil {
		return err
	}
	// buildah keeps cache mounts in its temporary directory, which is this process's: lead it to the store's.
	link := filepath.Join(s.images.Temp().Dir, "buildah-cache-"+strconv.Itoa(unshare.GetRootlessUID()))
	if err := os.Symlink(s.images.CacheMounts(), link); err != nil {
		return fmt.Errorf("cache mounts: %w", err)
	}
	if err := s.verbs.Start(); err != nil {
		return fmt.Errorf("the runtime of builds: %w", err)
	}
	return s.guard.Start()
}
