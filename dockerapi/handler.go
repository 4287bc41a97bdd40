package dockerapi

import (
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/containers"
	"github.com/caisson-dev/caisson/dockerapi/internal/images"
	"github.com/caisson-dev/caisson/dockerapi/internal/networks"
	"github.com/caisson-dev/caisson/dockerapi/internal/system"
	"github.com/caisson-dev/caisson/dockerapi/internal/volumes"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
	"github.com/caisson-dev/caisson/image"
)

// Options tune Handler. The zero value is right for a program or a test whose containers end with it.
type Options struct {
	// Detach lets containers outlive this process, as dockerd's do when it restarts. Default: they end with it.
	Detach bool
	// PublishOn is the address of the host on which ports are published that name none. Default: 0.0.0.0, as in Docker:
	// whatever can reach the host can reach them. Use 127.0.0.1 for this machine alone.
	PublishOn netip.Addr
	// Labels are given to all containers, networks, volumes and built images that are made by the handler. Default: none.
	Labels map[string]string
	// Logger gets what goes wrong where no client can be told. Default: it is discarded.
	Logger *slog.Logger
}

// Handler serves the Docker Engine API in its versions 1.24 to 1.51, with a version in the path or without.
//
// The commands that clients start in containers are known to this handler alone: two handlers of one store do not know each
// other's. All else is in the store.
func Handler(store *image.Store, engine *container.Engine, opts Options) http.Handler {
	b := &backend.Backend{
		Store: store, Engine: engine, Detach: opts.Detach, PublishOn: opts.PublishOn, Labels: opts.Labels, Logger: opts.Logger,
	}
	if !b.PublishOn.IsValid() {
		b.PublishOn = netip.IPv4Unspecified()
	}
	if b.Logger == nil {
		b.Logger = slog.New(slog.DiscardHandler)
	}
	t := &wire.Router{Header: system.Headers(), Logger: b.Logger}
	for _, routes := range []func(*wire.Router, *backend.Backend){system.Routes, containers.Routes, images.Routes, networks.Routes, volumes.Routes} {
		routes(t, b)
	}
	return t
}
