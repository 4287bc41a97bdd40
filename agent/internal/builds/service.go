//go:build linux

package builds

import (
	"log/slog"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

// Service builds images into one store.
type Service struct {
	images    *images.Store
	transfers *transfer.Service
	work      *work.Service
	log       *slog.Logger
}

// New returns a Service.
func New(i *images.Store, t *transfer.Service, w *work.Service, logger *slog.Logger) *Service {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Service{images: i, transfers: t, work: w, log: logger}
}

// Routes registers the requests of image.Store.Build and Lint.
func (s *Service) Routes(mux *wire.Mux) {
	mux.Handle(api.ImageBuild, handle(s.Build))
	mux.Handle(api.ImageLint, handle(s.Lint))
}
