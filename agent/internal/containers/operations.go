//go:build linux

package containers

import (
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/wire"
)

// routeOperations registers what can be done with a container beyond its life.
func (s *Service) routeOperations(mux *http.ServeMux) {
	mux.HandleFunc("POST /events", s.events)
	mux.HandleFunc("POST /containers/{id}/pause", s.running(wire.Handle(s.pause)))
	mux.HandleFunc("POST /containers/{id}/resume", s.running(wire.Handle(s.resume)))
	mux.HandleFunc("POST /containers/{id}/rename", s.settled(wire.Handle(s.rename)))
	mux.HandleFunc("POST /containers/{id}/top", s.running(wire.Handle(s.top)))
	mux.HandleFunc("POST /containers/{id}/stats", s.running(wire.Handle(s.stats)))
	mux.HandleFunc("POST /containers/{id}/stat", s.settled(wire.Handle(s.statPath)))
	mux.HandleFunc("POST /containers/{id}/copy-to", s.settled(s.copyTo))
	mux.HandleFunc("POST /containers/{id}/copy-from", s.settled(s.copyFrom))
	mux.HandleFunc("POST /containers/{id}/export", s.settled(s.export))
	mux.HandleFunc("POST /containers/{id}/diff", s.settled(wire.Handle(s.diff)))
	mux.HandleFunc("POST /containers/{id}/commit", s.settled(wire.Handle(s.commit)))
	mux.HandleFunc("POST /containers/{id}/update", s.settled(wire.Handle(s.update)))
	s.volumes.Routes(mux)
}
