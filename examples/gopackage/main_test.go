package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
)

// TestService runs this package in a container. With GOCOVERDIR=DIR what the container's program covers is collected in
// DIR; go tool covdata percent -i=DIR tells it.
func TestService(t *testing.T) {
	c := dockertest.RunGo(t, ".", dockertest.Port(8080), dockertest.Coverage(),
		dockertest.WaitHTTP(dockertest.HTTP{Path: "/?n=1", Body: "2"}))
	for query, want := range map[string]string{"n=21": "42\n", "n=x": "n is not a number\n"} {
		resp, err := http.Get(c.URL("http", 8080) + "/?" + query)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, want, string(body))
	}
	c.Stop()
	assert.Equal(t, "goodbye\n", c.Output())
	status, err := c.Fixture().Wait(t.Context())
	require.NoError(t, err)
	assert.Zero(t, status.ExitCode)
}
