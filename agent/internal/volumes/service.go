//go:build linux

package volumes

import (
	"context"
	"net/http"
	"path/filepath"

	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
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
func (s *Service) Routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /volumes/create", wire.Handle(s.create))
	mux.HandleFunc("GET /volumes/list", wire.Handle(s.list))
	mux.HandleFunc("GET /volumes/get", wire.Handle(s.get))
	mux.HandleFunc("POST /volumes/remove", wire.Handle(s.remove))
	mux.HandleFunc("POST /volumes/prune", wire.Handle(s.prune))
}

// Path is the directory of a volume's content, whether it exists or not.
func (s *Service) Path(name string) string { return filepath.Join(s.cfg.Dir, name, "_data") }

// file is a volume's description. A volume of a store that an older version made has none.
func (s *Service) file(name string) string { return filepath.Join(s.cfg.Dir, name, "volume.json") }

// lock is exclusive for those who remove, shared for those who make volumes or look at who has one. A container has its
// volumes in its record before it asks for the lock, so a remover sees it, or the container makes them anew.
func (s *Service) lock(ctx context.Context, exclusive bool) (*state.Lock, error) {
	return state.Acquire(ctx, s.cfg.Lock, exclusive)
}
