//go:build linux

package engine

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/builds"
	"github.com/caisson-dev/caisson/agent/internal/containers"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/internal/api"
)

// What the owner's packages can ask for is what the agent serves.
func TestRoutes(t *testing.T) {
	mux := routes(func(http.ResponseWriter, *http.Request) {}, &images.Service{}, &transfer.Service{}, &builds.Service{}, &containers.Service{}, machine{})
	assert.ElementsMatch(t, api.Routes(), mux.Routes())
}
