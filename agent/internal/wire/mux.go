package wire

import (
	"net/http"
	"slices"

	"github.com/caisson-dev/caisson/internal/api"
)

// Mux brings requests to the handlers of their routes.
type Mux struct {
	mux    http.ServeMux
	routes []api.Route
}

// Handle registers the handler of a route.
func (m *Mux) Handle(r api.Route, h http.HandlerFunc) {
	m.mux.HandleFunc(r.Pattern(), h)
	m.routes = append(m.routes, r)
}

// Routes are those that have a handler.
func (m *Mux) Routes() []api.Route { return slices.Clone(m.routes) }

func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.mux.ServeHTTP(w, r) }
