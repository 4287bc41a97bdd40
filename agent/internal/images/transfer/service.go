package transfer

import (
	"log/slog"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/foreign"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

// Service brings images into one store and out of it. All methods are safe for concurrent use.
type Service struct {
	images *images.Store
	layers *layer.Store
	log    *slog.Logger
	away   foreign.Proxy // for what a registry sends elsewhere
}

// New returns the service of a store. It has nothing to close.
func New(s *images.Store) *Service {
	return &Service{images: s, layers: s.Layers(), log: s.Logger()}
}

// Routes registers the requests.
func (s *Service) Routes(mux *wire.Mux) {
	mux.Handle(api.ImagePull, s.handlePull)
	mux.Handle(api.ImagePush, s.handlePush)
	mux.Handle(api.ImagePushIndex, s.handlePushIndex)
	mux.Handle(api.ImageSave, s.handleSave)
	mux.Handle(api.ImageExport, s.handleExport)
	mux.Handle(api.ImageLoad, s.handleLoad)
	mux.Handle(api.ImageImport, s.handleImport)
}
