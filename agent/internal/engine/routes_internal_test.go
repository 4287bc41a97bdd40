//go:build linux

package engine

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/builds"
	"github.com/caisson-dev/caisson/agent/internal/containers"
	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/internal/api"
)

// What the owner's packages can ask for is what the agent serves.
func TestRoutes(t *testing.T) {
	mux := routes(&images.Service{}, &builds.Service{}, &containers.Service{}, func(http.ResponseWriter, *http.Request) {})
	assert.ElementsMatch(t, api.Routes(), mux.Routes())
}
