// Package twoservices shows two containers that reach each other by name on a network of their own.
package twoservices

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
)

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func TestTwoServices(t *testing.T) {
	nw := dockertest.Network(t)
	back := dockertest.RunGo(t, "./back", nw.Alias("back"), dockertest.WaitPort(9000))
	front := dockertest.RunGo(t, "./front", nw, dockertest.Env("BACK", "http://back:9000"), dockertest.Port(8080))

	code, body := get(t, front.URL("http", 8080))
	assert.Equal(t, http.StatusOK, code)
	assert.Equal(t, "it is teatime", body)

	back.Stop()
	code, body = get(t, front.URL("http", 8080))
	assert.Equal(t, http.StatusBadGateway, code)
	assert.Equal(t, "nobody knows the time\n", body)
}
