package image_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestRegistryErrors has a real registry fail in all ways that users meet.
func TestRegistryErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := context.Background()
	_, err := build(t, s, base+"RUN fill /data 2000000\n", image.BuildOptions{Tags: []string{"app:1"}}, nil)
	require.NoError(t, err)
	good := serve(t, server.Options{}, server.ServeOptions{})
	_, err = s.Push(ctx, "app:1", image.PushOptions{Destination: good.Addr + "/app:1"})
	require.NoError(t, err)

	fault := func(f server.Fault) func(t *testing.T) string {
		return func(t *testing.T) string {
			r := serve(t, server.Options{}, server.ServeOptions{})
			_, err := s.Push(ctx, "app:1", image.PushOptions{Destination: r.Addr + "/app:1"})
			require.NoError(t, err)
			r.Inject(f)
			return r.Addr + "/app:1"
		}
	}
	blob := func(f server.Fault) func(t *testing.T) string {
		f.Method, f.Reference = http.MethodGet, largestLayer(t, good.Addr)
		return fault(f)
	}
	config := func(f server.Fault) func(t *testing.T) string {
		f.Method, f.Reference = http.MethodGet, manifestOf(t, good.Addr+"/app:1").Config.Digest
		return fault(f)
	}
	secret := server.Auth{Users: []server.User{{Name: "joe", Password: "right"}}}
	joe := func(password string) image.PullOptions {
		return image.PullOptions{Credential: registry.Credential{Username: "joe", Password: password}}
	}
	for name, c := range map[string]struct {
		at   func(t *testing.T) string
		opts image.PullOptions
		want error
		says string
	}{
		"no tag":        {at: func(*testing.T) string { return good.Addr + "/app:nope" }, want: image.ErrNotFound, says: "nope"},
		"no repository": {at: func(*testing.T) string { return good.Addr + "/nope:1" }, want: image.ErrNotFound, says: "nope:1"},
		"no digest":     {at: func(*testing.T) string { return good.Addr + "/app@sha256:" + strings.Repeat("a", 64) }, want: image.ErrNotFound},
		"no credentials": {at: func(t *testing.T) string {
			return serve(t, server.Options{Auth: secret}, server.ServeOptions{}).Addr + "/app:1"
		}, want: image.ErrUnauthorized, says: "log in"},
		"wrong password": {at: func(t *testing.T) string {
			return serve(t, server.Options{Auth: secret}, server.ServeOptions{}).Addr + "/app:1"
		}, opts: joe("wrong"), want: image.ErrUnauthorized, says: "log in"},
		"no token": {at: func(t *testing.T) string {
			return serve(t, server.Options{Auth: server.Auth{Users: secret.Users, Bearer: true}}, server.ServeOptions{}).Addr + "/app:1"
		}, want: image.ErrUnauthorized, says: "log in"},
		"no token for that": {at: func(t *testing.T) string {
			return serve(t, server.Options{Auth: server.Auth{Users: secret.Users, Bearer: true}}, server.ServeOptions{}).Addr + "/app:1"
		}, opts: joe("wrong"), want: image.ErrUnauthorized, says: "log in"},
		"401":                  {at: fault(server.Fault{Method: "GET", Reference: "1", Status: 401}), want: image.ErrUnauthorized},
		"403":                  {at: fault(server.Fault{Method: "GET", Reference: "1", Status: 403}), want: image.ErrDenied},
		"403 blob":             {at: blob(server.Fault{Status: 403}), want: image.ErrDenied},
		"404 blob":             {at: blob(server.Fault{Status: 404}), want: image.ErrNotFound},
		"config corrupt":       {at: config(server.Fault{Corrupt: true, Offset: 10}), want: image.ErrDigestMismatch},
		"config truncated":     {at: config(server.Fault{Truncate: true, Offset: 10}), want: image.ErrDigestMismatch},
		"config dropped":       {at: config(server.Fault{Drop: true, Times: 1})},
		"another manifest":     {at: otherManifest, want: image.ErrDigestMismatch},
		"silence":              {at: silent, opts: image.PullOptions{Transport: image.Transport{Stall: 300 * time.Millisecond}}, want: image.ErrUnreachable, says: "no data arrives"},
		"config dropped twice": {at: config(server.Fault{Drop: true, Offset: 10, Times: 2})},
		"config dropped ever":  {at: config(server.Fault{Drop: true, Offset: 10}), want: image.ErrUnreachable, says: "the connection broke in every attempt"},
		"dropped twice":        {at: blob(server.Fault{Drop: true, Offset: 1000, Times: 2})},
		"dropped twice late":   {at: blob(server.Fault{Drop: true, Offset: 500_000, Times: 2})},
		"dropped for ever":     {at: blob(server.Fault{Drop: true, Offset: 1000}), want: image.ErrUnreachable, says: "the connection broke after 1000 of"},
		"405":                  {at: fault(server.Fault{Method: "GET", Reference: "1", Status: 405}), want: image.ErrUnsupported},
		"413":                  {at: fault(server.Fault{Method: "GET", Reference: "1", Status: 413}), want: image.ErrDenied},
		"418":                  {at: fault(server.Fault{Method: "GET", Reference: "1", Status: 418}), want: image.ErrDenied, says: "the registry refuses that"},
		"429":                  {at: fault(server.Fault{Method: "GET", Reference: "1", RetryAfter: time.Second}), want: image.ErrRateLimited},
		"500":                  {at: fault(server.Fault{Method: "GET", Reference: "1", Status: 500}), want: image.ErrUnreachable, says: "the registry has an internal error"},
		"503 blob":             {at: blob(server.Fault{Status: 503}), want: image.ErrUnreachable},
		"truncated":            {at: blob(server.Fault{Truncate: true, Offset: 1000}), want: image.ErrDigestMismatch},
		"corrupt":              {at: blob(server.Fault{Corrupt: true, Offset: 1000}), want: image.ErrDigestMismatch},
		"500 twice":            {at: fault(server.Fault{Method: "GET", Reference: "1", Status: 500, Times: 2})},
		"502 blob once":        {at: blob(server.Fault{Status: 502, Times: 1})},
		"reset blob once":      {at: blob(server.Fault{Drop: true, Offset: 100000, Times: 1})},
		"429 once":             {at: fault(server.Fault{Method: "GET", Reference: "1", RetryAfter: time.Second, Times: 1})},
		"stall once":           {at: blob(server.Fault{Delay: time.Hour, Times: 1}), opts: image.PullOptions{Transport: image.Transport{Stall: 2 * time.Second}}},
		"stall manifest":       {at: fault(server.Fault{Method: "GET", Reference: "1", Delay: time.Hour, Times: 1}), opts: image.PullOptions{Transport: image.Transport{Stall: 2 * time.Second}}},
		"stall for ever":       {at: blob(server.Fault{Delay: time.Hour}), opts: image.PullOptions{Transport: image.Transport{Stall: 300 * time.Millisecond}}, want: image.ErrUnreachable, says: "no data arrives"},
		"refused":              {at: func(*testing.T) string { return "127.0.0.1:1/app:1" }, want: image.ErrUnreachable, says: "nothing listens"},
		"no such host":         {at: func(*testing.T) string { return "registry.invalid/app:1" }, want: image.ErrUnreachable},
		"unknown CA":           {at: tlsAt(t, good), opts: image.PullOptions{Transport: image.Transport{CertDir: t.TempDir()}}, want: image.ErrUnreachable, says: "CertDir"},
		"no CertDir":           {at: tlsAt(t, good), opts: image.PullOptions{Transport: image.Transport{CertDir: "/nonexistent"}}, want: image.ErrInvalidArgument, says: "CertDir"},
		"HTTP on TLS":          {at: func(*testing.T) string { return good.Addr + "/app:1" }, opts: image.PullOptions{Transport: image.Transport{CertDir: t.TempDir()}}, want: image.ErrUnreachable, says: "plain HTTP"},
		"TLS, insecure":        {at: tlsAt(t, good), opts: image.PullOptions{Transport: image.Transport{Insecure: true}}},
		"TLS on loopback":      {at: tlsAt(t, good)},
		"platform":             {at: func(*testing.T) string { return good.Addr + "/app:1" }, opts: image.PullOptions{Platform: "amd64"}, want: image.ErrInvalidArgument, says: "linux/arm64"},
		"no registry":          {at: refusing("GET", http.StatusNotFound), want: image.ErrUnreachable, says: "no registry"},
		"manifest not JSON":    {at: answer("not a manifest"), want: image.ErrCorrupt},
		"manifest is a page":   {at: answer("<html>please log in to the hotel's network</html>"), want: image.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := c.at(t)
			other := open(t)
			_, err := other.Pull(ctx, ref, c.opts)
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			if c.want != image.ErrInvalidArgument {
				require.ErrorContains(t, err, "pull "+strings.Split(ref, "@")[0])
			}
			require.NotRegexp(t, `\n|heuristic|401 Unauthorized: 401`, err.Error())
			t.Log(err)
			imgs, err := other.List(ctx, image.ListOptions{All: true})
			require.NoError(t, err)
			require.Empty(t, imgs)
			if c.want == image.ErrUnreachable || c.want == image.ErrRateLimited { // what came is kept for another pull
				_, err = other.Prune(ctx, image.PruneOptions{})
				require.NoError(t, err)
			}
			requireNoLayers(t, other)
		})
	}
	pushErrors(t, s, good)
}

// manifestOf is what a registry has by a name.
func manifestOf(t *testing.T, ref string) registry.Manifest {
	t.Helper()
	c := registry.NewClient(registry.ClientOptions{})
	defer c.Close()
	m, err := c.Manifest(context.Background(), ref, registry.ManifestOptions{})
	require.NoError(t, err)
	return m
}

// largestLayer is the digest of the largest layer of app:1.
func largestLayer(t *testing.T, addr string) string {
	t.Helper()
	m := manifestOf(t, addr+"/app:1")
	var best registry.Descriptor
	for _, l := range m.Layers {
		if l.Size > best.Size {
			best = l
		}
	}
	return best.Digest
}

func tlsAt(t *testing.T, r *server.Serving) func(*testing.T) string {
	t.Helper()
	return func(t *testing.T) string {
		v, err := r.Server.Serve(server.ServeOptions{TLS: true})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, v.Close()) })
		return v.Addr + "/app:1"
	}
}

// answer serves text for everything.
func answer(text string) func(t *testing.T) string {
	return func(t *testing.T) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(text))
		}))
		t.Cleanup(srv.Close)
		return srv.Listener.Addr().String() + "/app:1"
	}
}

// otherManifest is an image of another digest than it is asked for by.
func otherManifest(t *testing.T) string {
	t.Helper()
	ref := answer(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}`)(t)
	return strings.TrimSuffix(ref, ":1") + "@" + digestOf([]byte("other"))
}

// silent takes connections, and that is all.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l.Addr().String() + "/app:1"
}

// requireNoLayers looks into the store: a failed pull leaves no layers and no temporary files.
func requireNoLayers(t *testing.T, s *image.Store) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(s.Root(), "storage", "overlay", "*", "diff"))
	require.NoError(t, err)
	require.Empty(t, dirs)
	requireNoTempAtAll(t, s)
}
