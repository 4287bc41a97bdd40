package registry_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestCredentialsStayHome: a registry that wants a password sends uploads and downloads to another port of its host, and to
// another host. The data goes there and the password does not.
func TestCredentialsStayHome(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for _, name := range []string{"127.0.0.1", "localhost"} {
		content := server.New(server.Options{})
		registrytest.PushImage(t, registrytest.Dial(t, strings.TrimPrefix(start(t, content), "http://")), "app", "1", "a layer")
		var up, down atomic.Int32
		away := strings.Replace(start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				down.Add(1)
			} else {
				up.Add(1)
			}
			assert.Empty(t, r.Header.Values("Authorization"), "%s %s", r.Method, r.URL)
			content.ServeHTTP(w, r)
		})), "127.0.0.1", name, 1)
		home := start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, password, _ := r.BasicAuth(); password != "right" {
				w.Header().Set("WWW-Authenticate", `Basic realm="home"`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			if strings.Contains(r.URL.Path, "/blobs/sha256:") && r.Method == http.MethodGet {
				http.Redirect(w, r, away+r.URL.RequestURI(), http.StatusTemporaryRedirect)
				return
			}
			content.ServeHTTP(&sendAway{w, away}, r)
		}))
		host := strings.TrimPrefix(home, "http://")
		c := registry.NewClient(registry.ClientOptions{Credential: registry.Credential{Username: "joe", Password: "right"}})
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		from := registrytest.Serve(t, server.Options{})
		registrytest.PushImage(t, registrytest.Dial(t, from.Addr), "other", "1", "another layer")
		_, err := registry.NewClient(registry.ClientOptions{}).Copy(ctx, host+"/app:1", from.Addr+"/copied:1", registry.CopyOptions{})
		require.ErrorIs(t, err, registry.ErrUnauthorized)
		_, err = c.Copy(ctx, host+"/app:1", from.Addr+"/copied:1", registry.CopyOptions{})
		require.NoError(t, err)
		_, err = c.Copy(ctx, from.Addr+"/other:1", host+"/new:1", registry.CopyOptions{})
		require.NoError(t, err)
		assert.Positive(t, up.Load(), name)
		assert.Positive(t, down.Load(), name)
	}
}

func start(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
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
