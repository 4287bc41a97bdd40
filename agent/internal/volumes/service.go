//go:build linux

package volumes

import (
	"context"
	"path/filepath"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/flock"
)

// User is a container that mounts a volume.
type User struct{ ID, Name string }

// Config of a Service.
type Config struct {
	Dir  string // has a directory for each volume
	Lock string // the file that agents flock to make, use and remove volumes
	// Users are the containers that mount each volume, by its name: also those that are being made.
	Users func() (map[string][]User, error)
	// Emit tells all who follow the store's events.
	Emit func(container.Event)
}

// Service is the store's volumes.
type Service struct{ cfg Config }

// New returns the service. Its directory exists.
func New(cfg Config) *Service { return &Service{cfg} }

// Routes registers the requests of volumes.
func (s *Service) Routes(mux *wire.Mux) {
	mux.Handle(api.VolumeCreate, wire.Handle(s.create))
	mux.Handle(api.VolumeList, wire.Handle(s.list))
	mux.Handle(api.VolumeGet, wire.Handle(s.get))
	mux.Handle(api.VolumeRemove, wire.Handle(s.remove))
	mux.Handle(api.VolumePrune, wire.Handle(s.prune))
}

// Path is the directory of a volume's content, whether it exists or not.
func (s *Service) Path(name string) string { return filepath.Join(s.cfg.Dir, name, "_data") }

// file is a volume's description. A volume of a store that an older version made has none.
func (s *Service) file(name string) string { return filepath.Join(s.cfg.Dir, name, "volume.json") }

// lock is exclusive for those who remove, shared for those who make volumes or look at who has one. A container has its
// volumes in its record before it asks for the lock, so a remover sees it, or the container makes them anew.
func (s *Service) lock(ctx context.Context, m flock.Mode) (*flock.Lock, error) {
	return flock.Acquire(ctx, s.cfg.Lock, m)
}
