package images

import (
	"context"
	"sync"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// Containers is what the catalogue asks of the containers that are made of its images.
type Containers interface {
	// RemoveForImage removes stopped containers by the ids of their storage containers.
	RemoveForImage(ctx context.Context, storageIDs []string) error
	// Damaged finds containers, volumes and networks whose files can't be read. The store's exclusive lock is held.
	Damaged() ([]image.Problem, error)
	// Mend removes the containers and networks among the problems, and makes the volumes usable.
	Mend(ctx context.Context, problems []image.Problem) error
	// Running returns the name of one of them that runs, or "".
	Running(ctx context.Context, storageIDs []string) (string, error)
	// Measure adds containers and volumes to what the store takes.
	Measure(ctx context.Context, u *image.DiskUsage) error
}

// Service serves the requests of package image that stay within the store. All methods are safe for concurrent use.
type Service struct {
	*Store
	containers Containers
	views      sync.Map // of open file systems, by handle
}

// New returns the service of a store and the containers in it. It has nothing to close.
func New(s *Store, c Containers) *Service { return &Service{Store: s, containers: c} }

// Routes registers the requests.
func (s *Service) Routes(mux *wire.Mux) {
	mux.Handle(api.ImageGet, s.handleGet())
	mux.Handle(api.ImageList, s.handleList())
	mux.Handle(api.ImageTag, s.handleTag())
	mux.Handle(api.ImageUntag, s.handleUntag())
	mux.Handle(api.ImageRemove, s.handleRemove())
	mux.Handle(api.ImagePrune, s.handlePrune())
	mux.Handle(api.CachePrune, s.handlePruneCache())
	mux.Handle(api.ImageHistory, s.handleHistory())
	mux.Handle(api.StoreUsage, s.handleUsage())
	mux.Handle(api.StoreCheck, s.handleCheck())
	s.routeFS(mux)
}
