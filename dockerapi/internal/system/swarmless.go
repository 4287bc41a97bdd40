package system

import (
	"net/http"

	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
)

// swarmless registers the answers of a Docker that is no node of a swarm and has no plugins.
func swarmless(t *wire.Router) {
	const needs = `This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.`
	none := func(http.ResponseWriter, *wire.Request) error {
		return wire.Errorf(http.StatusServiceUnavailable, needs)
	}
	for _, pattern := range []string{
		"GET /swarm", "GET /swarm/unlockkey", "POST /swarm/update", "POST /swarm/unlock",
		"GET /services", "POST /services/create", "GET /services/{name}", "POST /services/{name}/update", "DELETE /services/{name}",
		"GET /nodes", "GET /nodes/{name}", "POST /nodes/{name}/update", "DELETE /nodes/{name}", "GET /tasks", "GET /tasks/{name}",
		"GET /secrets", "POST /secrets/create", "GET /secrets/{name}", "POST /secrets/{name}/update", "DELETE /secrets/{name}",
		"GET /configs", "POST /configs/create", "GET /configs/{name}", "POST /configs/{name}/update", "DELETE /configs/{name}",
	} {
		t.Handle(pattern, none)
	}
	t.Handle("POST /swarm/leave", func(http.ResponseWriter, *wire.Request) error {
		return wire.Errorf(http.StatusServiceUnavailable, "This node is not part of a swarm")
	})
	for _, pattern := range []string{"POST /swarm/init", "POST /swarm/join"} {
		t.Handle(pattern, func(http.ResponseWriter, *wire.Request) error {
			return wire.NotImplemented("swarms are not supported by this engine")
		})
	}
	t.Handle("GET /plugins", func(w http.ResponseWriter, _ *wire.Request) error { return wire.OK(w, []string{}) })
	t.Handle("GET /plugins/{name}/json", func(_ http.ResponseWriter, r *wire.Request) error {
		return wire.NotFound("plugin %q not found", r.Name)
	})
	for _, pattern := range []string{
		"GET /plugins/privileges", "POST /plugins/pull", "POST /plugins/create", "POST /plugins/{name}/enable", "POST /plugins/{name}/disable",
		"POST /plugins/{name}/upgrade", "POST /plugins/{name}/push", "POST /plugins/{name}/set", "DELETE /plugins/{name}",
	} {
		t.Handle(pattern, func(http.ResponseWriter, *wire.Request) error {
			return wire.NotImplemented("plugins are not supported by this engine")
		})
	}
}
