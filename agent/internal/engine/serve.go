//go:build linux

package engine

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/builds"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/unixsock"
)

// listen begins to serve.
func (a *agent) listen() error {
	l, err := unixsock.Listen(a.socket)
	if err != nil {
		return err
	}
	mux := routes(
		wire.Handle(a.wantDestroy), images.New(a.images, a.conts), a.transfers, builds.New(a.images, a.transfers, a.work, a.log), a.conts, machine{a.host},
	)
	a.server = &http.Server{Handler: a.requests.wrap(mux), ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelWarn)}
	go func() {
		if err := a.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			a.log.Error("serve", "error", err)
		}
	}()
	return nil
}

// service is a room that serves some of api's routes.
type service interface{ Routes(mux *wire.Mux) }

// routes has a handler for each of api's routes.
func routes(destroy http.HandlerFunc, services ...service) *wire.Mux {
	mux := &wire.Mux{}
	for _, s := range services {
		s.Routes(mux)
	}
	mux.Handle(api.StoreDestroy, destroy)
	return mux
}

// stopServing lets an agent of a detached container send its last answers; an owner's agent has no one to answer.
func (a *agent) stopServing() {
	switch {
	case a.server == nil:
	case a.cfg.Role == api.RoleDetached:
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = a.server.Shutdown(ctx) // whoever does not read its answer by then goes without
	default:
		a.server.Close()
	}
}
