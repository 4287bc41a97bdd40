//go:build linux

package image_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestCredentialsStayHome: a registry that wants a password sends uploads and downloads to another host, as some do to a
// store of objects. The data goes there and the password does not.
func TestCredentialsStayHome(t *testing.T) {
	t.Parallel()
	content := server.New(server.Options{})
	require.NoError(t, content.Err())
	var mu sync.Mutex
	seen := map[string]int{} // requests elsewhere by method
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.Method]++
		mu.Unlock()
		assert.Empty(t, r.Header.Values("Authorization"), "%s %s", r.Method, r.URL)
		assert.Empty(t, r.Header.Values("Proxy-Authorization"), "%s %s", r.Method, r.URL)
		content.ServeHTTP(w, r)
	}))
	t.Cleanup(elsewhere.Close)
	// Another host by its name, as Go takes two ports of one host for the same.
	away := strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1)
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != "right" {
			w.Header().Set("WWW-Authenticate", `Basic realm="home"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
			return
		}
		if strings.Contains(r.URL.Path, "/blobs/sha256:") && r.Method == http.MethodGet {
			http.Redirect(w, r, away+r.URL.RequestURI(), http.StatusTemporaryRedirect)
			return
		}
		content.ServeHTTP(&sendAway{w, away}, r)
	}))
	t.Cleanup(home.Close)

	s := open(t)
	_, err := s.Import(t.Context(), strings.NewReader(string(layerTar(t, nil))), image.ImportOptions{Tags: []string{"app:1"}})
	require.NoError(t, err)
	ref := strings.TrimPrefix(home.URL, "http://") + "/app:1"
	joe := registry.Credential{Username: "joe", Password: "right"}
	_, err = s.Push(t.Context(), "app:1", image.PushOptions{Destination: ref, Credential: registry.Credential{Username: "joe", Password: "wrong"}})
	require.ErrorIs(t, err, image.ErrUnauthorized)
	_, err = s.Push(t.Context(), "app:1", image.PushOptions{Destination: ref, Credential: joe})
	require.NoError(t, err)
	_, err = open(t).Pull(t.Context(), ref, image.PullOptions{Credential: joe})
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	assert.Positive(t, seen[http.MethodPatch], "the upload went there")
	assert.Positive(t, seen[http.MethodPut])
	assert.Positive(t, seen[http.MethodGet], "and so did the download")
}

// sendAway names another host for the uploads that begin.
type sendAway struct {
	http.ResponseWriter
	host string
}

func (w *sendAway) WriteHeader(status int) {
	if at := w.Header().Get("Location"); status == http.StatusAccepted && strings.HasPrefix(at, "/") {
		w.Header().Set("Location", w.host+at)
	}
	w.ResponseWriter.WriteHeader(status)
}
