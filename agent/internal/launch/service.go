//go:build linux

package launch

import (
	"log/slog"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/container"
)

// Images mount images: containers/storage.
type Images interface {
	MountImage(id string, mountOptions []string, mountLabel string) (string, error)
	UnmountImage(id string, force bool) (bool, error)
}

// Volumes are the store's volumes.
type Volumes interface {
	Path(name string) string
	Prepare(m container.Mount, rootfs string) (string, error)
}

// Config of a Service.
type Config struct {
	Host    host.Host
	Images  Images
	Volumes Volumes
	// Dir is the directory of a container's files.
	Dir func(id string) string
	// Pid is the process of a container that runs, whichever agent has it. Its error is api.ErrNotRunning, or
	// api.ErrNotFound.
	Pid    func(id string) (int, error)
	Logger *slog.Logger
}

// Service looks things up for one agent's containers.
type Service struct {
	cfg    Config
	images sync.Mutex // held while images are mounted for a container that starts
}

// New returns the service.
func New(cfg Config) *Service { return &Service{cfg: cfg} }
