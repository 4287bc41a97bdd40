package wire_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/internal/wire"
)

func router() *wire.Router {
	t := &wire.Router{Header: map[string]string{"Api-Version": "1.51"}, Logger: slog.New(slog.DiscardHandler)}
	say := func(what string) wire.Handler {
		return func(w http.ResponseWriter, r *wire.Request) error {
			return wire.OK(w, what+" "+r.Name+" "+r.Version.String())
		}
	}
	t.Handle("GET /volumes", say("volumes"))
	t.Handle("GET /images/{name}/json", say("image"))
	t.Handle("GET /images/json", say("images"))
	t.Handle("DELETE /images/{name}", say("delete"))
	t.Handle("GET /fails", func(http.ResponseWriter, *wire.Request) error { return wire.NotFound("No such %s", "thing") })
	t.Handle("GET /panics", func(http.ResponseWriter, *wire.Request) error { panic("odd") })
	t.Handle("GET /unchanged", func(http.ResponseWriter, *wire.Request) error { return wire.NotModified })
	t.Handle("GET /library", func(http.ResponseWriter, *wire.Request) error { return container.ErrInUse })
	return t
}

func TestRouter(t *testing.T) {
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/volumes", 200, "volumes  1.51"},
		{"GET", "/v1.24/volumes", 200, "volumes  1.24"},
		{"GET", "/v1.40/images/json", 200, "images  1.40"},
		{"GET", "/v1.40/images/example.com:5000/team/app:1/json", 200, "image example.com:5000/team/app:1 1.40"},
		{"DELETE", "/images/a/b", 200, "delete a/b 1.51"},
		{"GET", "/v1.23/volumes", 400, "client version 1.23 is too old"},
		{"GET", "/v1.52/volumes", 400, "client version 1.52 is too new"},
		{"GET", "/fails", 404, `{"message":"No such thing"}`},
		{"GET", "/none", 404, "page not found"},
		{"PUT", "/images/x/json", 405, "not allowed"},
		{"GET", "/panics", 500, "internal error"},
		{"GET", "/unchanged", 304, ""},
		{"GET", "/library", 409, "message"},
	} {
		w := httptest.NewRecorder()
		router().ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		assert.Equal(t, test.status, w.Code, test.path)
		assert.Contains(t, w.Body.String(), test.body, test.path)
		assert.Equal(t, "1.51", w.Header().Get("Api-Version"))
	}
}

// FuzzRouter: no path is a panic.
func FuzzRouter(f *testing.F) {
	for _, p := range []string{"/", "/v1.24", "/v1.24/", "//images//json", "/images/../json", "/images/%2f/json"} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		router().ServeHTTP(w, r)
		if w.Code == 500 && path != "/panics" {
			t.Fatal(path, w.Body)
		}
	})
}

// TestFrames: Docker's own reader takes the frames apart.
func TestFrames(t *testing.T) {
	var b, out, errs bytes.Buffer
	s := wire.Multiplex(&b, false)
	for _, text := range []string{"one", "two", ""} {
		_, err := s.Stdout.Write([]byte(text))
		require.NoError(t, err)
		_, err = s.Stderr.Write([]byte("!" + text))
		require.NoError(t, err)
	}
	_, err := stdcopy.StdCopy(&out, &errs, &b)
	require.NoError(t, err)
	assert.Equal(t, "onetwo", out.String())
	assert.Equal(t, "!one!two!", errs.String())
}
