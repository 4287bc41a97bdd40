package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
)

// store runs what the service keeps its counts in: with STORE_IMAGE=redis:8 the real thing.
func store(t testing.TB) *dockertest.Container {
	t.Helper()
	img := os.Getenv("STORE_IMAGE")
	if img == "" {
		img = dockertest.BuildGo(t, "./store", image.GoOptions{})
	}
	return dockertest.Run(t, img,
		dockertest.Port(6379),
		dockertest.WaitLog("Ready to accept connections").Within(30*time.Second),
		dockertest.Logs(t.Output()))
}

func visit(t testing.TB, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

func TestCounts(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(counter{store: store(t).Addr(6379)})
	defer srv.Close()
	for _, want := range []string{"1\n", "2\n", "3\n"} {
		code, body := visit(t, srv.URL+"/a")
		assert.Equal(t, http.StatusOK, code)
		assert.Equal(t, want, body)
	}
	_, body := visit(t, srv.URL+"/b")
	assert.Equal(t, "1\n", body)
}

// TestStoreStops shows what the service makes of a store that goes away; another test's store is another container.
func TestStoreStops(t *testing.T) {
	t.Parallel()
	s := store(t)
	srv := httptest.NewServer(counter{store: s.Addr(6379)})
	defer srv.Close()
	code, _ := visit(t, srv.URL)
	require.Equal(t, http.StatusOK, code)
	s.Kill("")
	code, _ = visit(t, srv.URL)
	assert.Equal(t, http.StatusServiceUnavailable, code)
}
