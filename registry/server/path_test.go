package server_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serveHTTP calls the handler with a path as it stands, which no client would send.
func serveHTTP(h http.Handler, method, path, query, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)) // it panics for a method or a path it does not like
	req.Method, req.URL = method, &url.URL{Path: path, RawQuery: query}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func TestBadNames(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		server := server.New(o)
		require.NoError(t, server.Err())
		d := registrytest.Sum("x")
		for _, test := range []struct {
			method, path, query string
			status              int
		}{
			{"GET", "/v2/", "", 200},
			{"GET", "/", "", 404},
			{"GET", "/v2/app", "", 404},
			{"GET", "/v2/App/manifests/1", "", 400},
			{"GET", "/v2/../manifests/1", "", 400},
			{"GET", "/v2/a/../../b/manifests/1", "", 400},
			{"GET", "/v2//manifests/1", "", 400},
			{"GET", "/v2/_uploads/manifests/1", "", 400},
			{"GET", "/v2/a/_blobs/manifests/1", "", 400},
			{"GET", "/v2/" + strings.Repeat("a", 256) + "/manifests/1", "", 400},
			{"GET", "/v2/" + strings.Repeat("a", 255) + "/manifests/1", "", 404},
			{"GET", "/v2/a\x00b/manifests/1", "", 400},
			{"GET", "/v2/a\\b/manifests/1", "", 400},
			{"GET", "/v2/app/manifests/..", "", 400},
			{"GET", "/v2/app/manifests/.hidden", "", 400},
			{"GET", "/v2/app/manifests/" + strings.Repeat("t", 129), "", 400},
			{"GET", "/v2/app/manifests/sha256:../../x", "", 404},
			{"GET", "/v2/app/manifests/sha256:abc", "", 400},
			{"GET", "/v2/app/manifests/md5:d41d8cd98f00b204e9800998ecf8427e", "", 400},
			{"GET", "/v2/app/blobs/sha256:" + strings.Repeat("G", 64), "", 400},
			{"GET", "/v2/app/blobs/" + d, "", 404},
			{"PUT", "/v2/app/blobs/" + d, "", 405},
			{"GET", "/v2/app/tags/other", "", 404},
			{"GET", "/v2/app/tags/list", "n=x", 400},
			{"GET", "/v2/app/tags/list", "n=%zz", 400},
			{"GET", "/v2/app/referrers/sha256:x", "", 400},
			{"PATCH", "/v2/app/blobs/uploads/Li4vLi4vZXRjL3Bhc3N3ZA", "", 404}, // ../../etc/passwd
			{"PATCH", "/v2/app/blobs/uploads/%%%", "", 404},
			{"PUT", "/v2/app/blobs/uploads/YQ", "digest=sha256:x", 400},
			{"POST", "/v2/app/blobs/uploads/", "mount=sha256:x&from=b", 400},
			{"POST", "/v2/app/blobs/uploads/", "mount=" + d + "&from=../b", 400},
			{"POST", "/v2/app/blobs/uploads/", "digest=sha256:x", 400},
			{"POST", "/v2/app/manifests/1", "", 405},
			{"BREW", "/v2/", "", 405},
		} {
			w := serveHTTP(server, test.method, test.path, test.query, "")
			assert.Equal(t, test.status, w.Code, "%s %q?%s: %s", test.method, test.path, test.query, w.Body)
			if w.Code >= 400 {
				var e struct{ Errors []struct{ Code string } }
				require.NoError(t, json.Unmarshal(w.Body.Bytes(), &e), w.Body.String())
				assert.NotEmpty(t, e.Errors[0].Code)
			}
		}
	})
}

// FuzzPaths sends requests of all methods to any path: the server must not fail, and not touch a file outside.
func FuzzPaths(f *testing.F) {
	for _, s := range []string{
		"/v2/app/manifests/1", "/v2/app/blobs/" + registrytest.Sum(""), "/v2/app/blobs/uploads/", "/v2/a/b/tags/list", "/v2/_catalog",
		"/v2/../../x/manifests/1", "/v2/app/blobs/uploads/Li4vLi4vZXRjL3Bhc3N3ZA", "/token", "/v2/a//b/blobs/uploads/x",
	} {
		f.Add("GET", s, "n=1&last=x", "")
		f.Add("PUT", s, "digest="+registrytest.Sum("body"), "body")
		f.Add("POST", s, "mount="+registrytest.Sum("")+"&from=b", "{}")
		f.Add("DELETE", s, "", "")
	}
	outside := f.TempDir()
	dir := filepath.Join(outside, "a", "b", "registry")
	server := server.New(server.Options{Dir: dir})
	require.NoError(f, server.Err())
	f.Fuzz(func(t *testing.T, method, path, query, body string) {
		w := serveHTTP(server, method, path, query, body)
		if w.Code == http.StatusInternalServerError {
			requests := server.Requests()
			t.Fatalf("%s %q?%s: %v", method, path, query, requests[len(requests)-1].Err)
		}
		for _, name := range []string{outside, filepath.Join(outside, "a"), filepath.Join(outside, "a", "b")} {
			entries, err := os.ReadDir(name)
			require.NoError(t, err)
			require.Len(t, entries, 1, "a file appeared outside of the registry")
		}
	})
}
