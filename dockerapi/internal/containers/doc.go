// Package containers answers the requests of Docker's API about containers and the commands in them.
package containers

import (
	"github.com/caisson-dev/caisson/dockerapi/internal/backend"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
)

// Service answers the requests.
type Service struct {
	*backend.Backend
	execs execs
}

// Routes registers the requests.
func Routes(t *wire.Router, b *backend.Backend) {
	s := &Service{Backend: b}
	t.Handle("GET /containers/json", s.list)
	t.Handle("POST /containers/create", s.create)
	t.Handle("POST /containers/prune", s.prune)
	t.Handle("POST /commit", s.commit)

	t.Handle("GET /containers/{name}/json", s.inspect)
	t.Handle("GET /containers/{name}/top", s.top)
	t.Handle("GET /containers/{name}/logs", s.logs)
	t.Handle("GET /containers/{name}/stats", s.stats)
	t.Handle("GET /containers/{name}/changes", s.changes)
	t.Handle("GET /containers/{name}/export", s.export)
	t.Handle("GET /containers/{name}/archive", s.archive)
	t.Handle("HEAD /containers/{name}/archive", s.statArchive)
	t.Handle("PUT /containers/{name}/archive", s.extract)
	t.Handle("GET /containers/{name}/attach/ws", s.attachWebSocket)
	t.Handle("POST /containers/{name}/attach", s.attach)
	t.Handle("POST /containers/{name}/resize", s.resize)
	t.Handle("POST /containers/{name}/start", s.start)
	t.Handle("POST /containers/{name}/stop", s.stop)
	t.Handle("POST /containers/{name}/restart", s.restart)
	t.Handle("POST /containers/{name}/kill", s.kill)
	t.Handle("POST /containers/{name}/pause", s.pause)
	t.Handle("POST /containers/{name}/unpause", s.unpause)
	t.Handle("POST /containers/{name}/wait", s.wait)
	t.Handle("POST /containers/{name}/rename", s.rename)
	t.Handle("POST /containers/{name}/update", s.update)
	t.Handle("POST /containers/{name}/exec", s.execCreate)
	t.Handle("POST /containers/{name}/copy", s.copyRefused)
	t.Handle("GET /containers/{name}/checkpoints", s.checkpointsRefused)
	t.Handle("POST /containers/{name}/checkpoints", s.checkpointsRefused)
	t.Handle("DELETE /containers/{name}", s.remove)

	t.Handle("GET /exec/{name}/json", s.execInspect)
	t.Handle("POST /exec/{name}/start", s.execStart)
	t.Handle("POST /exec/{name}/resize", s.execResize)
}
