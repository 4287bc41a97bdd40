package api_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/internal/api"
)

func TestRoute(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "POST /containers/{id}/stop", api.ContainerStop.Pattern())
	assert.Equal(t, "/containers/0123/stop", api.ContainerStop.Of("0123").String())
	assert.Equal(t, "/images/list", api.ImageList.String())
	seen := map[api.Route]bool{}
	for _, r := range api.Routes() {
		assert.False(t, seen[r], "%s stands twice", r)
		seen[r] = true
	}
	assert.Greater(t, len(seen), 60)
}
