package image_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// pushErrors is TestRegistryErrors for Push: app:1 of s is pushed to registries that fail.
func pushErrors(t *testing.T, s *image.Store, good *server.Serving) {
	t.Helper()
	at := func(o server.Options, f server.Fault) func(t *testing.T) string {
		return func(t *testing.T) string {
			r := serve(t, o, server.ServeOptions{})
			if f != (server.Fault{}) {
				r.Inject(f)
			}
			return r.Addr + "/app:1"
		}
	}
	fault := func(method string, f server.Fault) func(t *testing.T) string {
		f.Method = method
		return at(server.Options{}, f)
	}
	const manifest = "1"
	secret := server.Options{Auth: server.Auth{Users: []server.User{
		{Name: "joe", Password: "right"}, {Name: "reader", Password: "right", Access: []server.Access{{May: server.MayPull}}},
	}}}
	bearer := secret
	bearer.Auth.Bearer = true
	as := func(name, password string) image.PushOptions {
		return image.PushOptions{Credential: registry.Credential{Username: name, Password: password}}
	}
	soon := func(d time.Duration) image.PushOptions {
		return image.PushOptions{Transport: image.Transport{Stall: d}}
	}
	for name, c := range map[string]struct {
		at   func(t *testing.T) string
		opts image.PushOptions
		want error
		says string
	}{
		"no credentials":      {at: at(secret, server.Fault{}), want: image.ErrUnauthorized, says: "log in"},
		"wrong password":      {at: at(secret, server.Fault{}), opts: as("joe", "wrong"), want: image.ErrUnauthorized, says: "log in"},
		"right password":      {at: at(secret, server.Fault{}), opts: as("joe", "right")},
		"may only read":       {at: at(secret, server.Fault{}), opts: as("reader", "right"), want: image.ErrDenied, says: "the account has no right to do that"},
		"token, wrong":        {at: at(bearer, server.Fault{}), opts: as("joe", "wrong"), want: image.ErrUnauthorized, says: "log in"},
		"token, right":        {at: at(bearer, server.Fault{}), opts: as("joe", "right")},
		"token, only to read": {at: at(bearer, server.Fault{}), opts: as("reader", "right"), want: image.ErrDenied, says: "the account has no right to do that"},
		"read-only":           {at: at(server.Options{ReadOnly: true}, server.Fault{}), want: image.ErrDenied, says: "read-only"},
		"401":                 {at: fault("PUT", server.Fault{Reference: manifest, Status: 401}), want: image.ErrUnauthorized},
		"403":                 {at: fault("PUT", server.Fault{Reference: manifest, Status: 403}), want: image.ErrDenied},
		"403 upload":          {at: fault("POST", server.Fault{Status: 403}), want: image.ErrDenied},
		"404 upload":          {at: fault("POST", server.Fault{Status: 404}), want: image.ErrNotFound, says: "repository"},
		"413 by a proxy":      {at: refusing("PATCH", http.StatusRequestEntityTooLarge), want: image.ErrDenied, says: "too large"},
		"405 by a proxy":      {at: refusing("PUT", http.StatusMethodNotAllowed), want: image.ErrDenied, says: "read-only"},
		"405":                 {at: fault("PUT", server.Fault{Reference: manifest, Status: 405}), want: image.ErrDenied, says: "unsupported"},
		"405 is unsupported":  {at: fault("PUT", server.Fault{Reference: manifest, Status: 405}), want: image.ErrUnsupported},
		"413":                 {at: fault("PATCH", server.Fault{Status: 413}), want: image.ErrDenied, says: "size"},
		"larger than a limit": {at: at(server.Options{Limits: server.Limits{BlobBytes: 1000}}, server.Fault{}), want: image.ErrDenied, says: "blob is larger than the limit of 1000 bytes"},
		"418 upload":          {at: fault("POST", server.Fault{Status: 418}), want: image.ErrDenied, says: "the registry refuses that"},
		"not found by Harbor": {at: harbor, want: image.ErrNotFound},
		"429":                 {at: fault("PUT", server.Fault{Reference: manifest, RetryAfter: time.Second}), want: image.ErrRateLimited},
		"429 once":            {at: fault("POST", server.Fault{RetryAfter: time.Second, Times: 1})},
		"500":                 {at: fault("PUT", server.Fault{Reference: manifest, Status: 500}), want: image.ErrUnreachable, says: "the registry has an internal error"},
		"503 upload":          {at: fault("POST", server.Fault{Status: 503}), want: image.ErrUnreachable, says: "the registry has an internal error"},
		"500 twice":           {at: fault("PUT", server.Fault{Reference: manifest, Status: 500, Times: 2})},
		"502 upload once":     {at: fault("PATCH", server.Fault{Status: 502, Times: 1})},
		"reset upload once":   {at: fault("PATCH", server.Fault{Drop: true, Times: 1})},
		"reset end once":      {at: fault("PUT", server.Fault{Drop: true, Times: 1})},
		"reset for ever":      {at: fault("PATCH", server.Fault{Drop: true}), want: image.ErrUnreachable},
		"stall once":          {at: fault("PATCH", server.Fault{Delay: time.Hour, Times: 1}), opts: soon(2 * time.Second)},
		"stall manifest":      {at: fault("PUT", server.Fault{Reference: manifest, Delay: time.Hour, Times: 1}), opts: soon(2 * time.Second)},
		"stall for ever":      {at: fault("PATCH", server.Fault{Delay: time.Hour}), opts: soon(300 * time.Millisecond), want: image.ErrUnreachable, says: "no data arrives"},
		"silence":             {at: silent, opts: soon(300 * time.Millisecond), want: image.ErrUnreachable, says: "no data arrives"},
		"refused":             {at: func(*testing.T) string { return "127.0.0.1:1/app:1" }, want: image.ErrUnreachable, says: "nothing listens"},
		"no such host":        {at: func(*testing.T) string { return "registry.invalid/app:1" }, want: image.ErrUnreachable},
		"unknown CA":          {at: tlsAt(t, good), opts: image.PushOptions{Transport: image.Transport{CertDir: t.TempDir()}}, want: image.ErrUnreachable, says: "CertDir"},
		"HTTP on TLS":         {at: func(*testing.T) string { return good.Addr + "/app:1" }, opts: image.PushOptions{Transport: image.Transport{CertDir: t.TempDir()}}, want: image.ErrUnreachable, says: "plain HTTP"},
		"no registry":         {at: refusing("GET", http.StatusNotFound), want: image.ErrUnreachable, says: "no registry"},
	} {
		t.Run("push: "+name, func(t *testing.T) {
			t.Parallel()
			ref := c.at(t)
			c.opts.Destination = ref
			up := phases{}
			c.opts.Progress = up.see(t)
			digest, err := s.Push(context.Background(), "app:1", c.opts)
			if c.want == nil {
				require.NoError(t, err)
				require.True(t, strings.HasPrefix(digest, "sha256:"))
				return
			}
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "push "+ref)
			require.NotRegexp(t, `\n|401 Unauthorized: 401`, err.Error())
			t.Log(err)
		})
	}
}

// harbor has codes of its own.
func harbor(t *testing.T) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"errors":[{"code":"NOT_FOUND","message":"project app not found"}]}`))
	}))
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String() + "/app:1"
}

// refusing is a registry with a proxy before it, which answers a method with a page of its own.
func refusing(method string, status int) func(t *testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		reg := server.New(server.Options{})
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == method {
				http.Error(w, "<html>no</html>", status)
				return
			}
			reg.ServeHTTP(w, r)
		}))
		t.Cleanup(srv.Close)
		return srv.Listener.Addr().String() + "/app:1"
	}
}
