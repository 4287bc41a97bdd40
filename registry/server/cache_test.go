package server_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func cacheOf(t *testing.T, o server.Options, upstream *server.Serving, cred registry.Credential) *server.Serving {
	t.Helper()
	o.Upstream = server.Upstream{Registry: upstream.Addr, Client: registry.ClientOptions{
		Credential: cred, AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 1},
	}}
	return registrytest.Serve(t, o)
}

func TestPullThrough(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		layer := strings.Repeat("layer ", 100_000)
		cred := registry.Credential{Username: "admin", Password: "root pass"}
		setup := server.Options{Dir: t.TempDir()}
		desc := registrytest.PushImage(t, registrytest.Dial(t, registrytest.Serve(t, setup).Addr), "team/app", "1", layer)
		setup.Auth = registrytest.Team
		upstream := registrytest.Serve(t, setup)
		cache := cacheOf(t, o, upstream, cred)
		c := registrytest.Dial(t, cache.Addr)

		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { assert.Equal(t, layer, registrytest.GetBlob(t, c, "team/app", digest.FromString(layer))) })
		}
		wg.Wait()
		fetched := 0
		for _, r := range upstream.Requests() {
			if r.Reference == registrytest.Sum(layer) && r.Status == 200 {
				fetched++
			}
		}
		assert.Equal(t, 1, fetched, "eight clients, one download")

		got, err := registrytest.Anonymous().Resolve(context.Background(), cache.Addr+"/team/app:1")
		require.NoError(t, err)
		assert.Equal(t, desc.Digest.String(), got.Digest)
		assert.Contains(t, registrytest.Do(t, "GET", cache.URL+"/v2/team/app/tags/list", "").Body, `["1"]`)
		assert.Equal(t, 405, registrytest.Do(t, "POST", cache.URL+"/v2/team/app/blobs/uploads/", "").Status)
		assert.Equal(t, 404, registrytest.Do(t, "GET", cache.URL+"/v2/team/app/manifests/lost", "").Status)

		upstream.Inject(server.Fault{Status: 503})
		assert.Equal(t, 200, registrytest.Do(t, "GET", cache.URL+"/v2/team/app/manifests/1", "").Status, "as it was")
		assert.Equal(t, layer, registrytest.GetBlob(t, c, "team/app", digest.FromString(layer)))
		assert.Equal(t, 502, registrytest.Do(t, "GET", cache.URL+"/v2/team/app/manifests/2", "").Status)
	})
}

func TestPullThroughFollowsTheTag(t *testing.T) {
	upstream := registrytest.Serve(t, server.Options{})
	cache := cacheOf(t, server.Options{}, upstream, registry.Credential{})
	for _, layer := range []string{"old", "new"} {
		want := registrytest.PushImage(t, registrytest.Dial(t, upstream.Addr), "app", "latest", layer)
		got, err := registrytest.Anonymous().Resolve(context.Background(), cache.Addr+"/app")
		require.NoError(t, err)
		assert.Equal(t, want.Digest.String(), got.Digest)
	}
}

func TestPullThroughRefusesCorruption(t *testing.T) {
	upstream := registrytest.Serve(t, server.Options{})
	registrytest.PushImage(t, registrytest.Dial(t, upstream.Addr), "app", "1", "0123456789")
	cache := cacheOf(t, server.Options{}, upstream, registry.Credential{})
	upstream.Inject(server.Fault{Corrupt: true, Offset: 5, Times: 1, Method: "GET"})
	assert.Equal(t, 502, registrytest.Do(t, "GET", cache.URL+"/v2/app/blobs/"+registrytest.Sum("0123456789"), "").Status)
	assert.Equal(t, "0123456789", registrytest.Do(t, "GET", cache.URL+"/v2/app/blobs/"+registrytest.Sum("0123456789"), "").Body)
}

func TestPullThroughStreams(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		layer := strings.Repeat("0123456789", 400_000)
		upstream := registrytest.Serve(t, server.Options{})
		registrytest.PushImage(t, registrytest.Dial(t, upstream.Addr), "app", "1", layer)
		gate := make(chan struct{})
		slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, registrytest.Sum(layer)) && r.Method == http.MethodGet {
				w.Header().Set("Content-Length", strconv.Itoa(len(layer)))
				_, _ = io.WriteString(w, layer[:3_000_000])
				_ = http.NewResponseController(w).Flush()
				<-gate
				_, _ = io.WriteString(w, layer[3_000_000:])
				return
			}
			upstream.ServeHTTP(w, r)
		}))
		t.Cleanup(slow.Close)
		open := sync.OnceFunc(func() { close(gate) })
		t.Cleanup(open)
		o.Upstream.Registry = strings.TrimPrefix(slow.URL, "http://")
		cache := registrytest.Serve(t, o)

		resp, err := http.Get(cache.URL + "/v2/app/blobs/" + registrytest.Sum(layer))
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		first := make([]byte, 2_500_000)
		_, err = io.ReadFull(resp.Body, first)
		require.NoError(t, err, "the first bytes come before the upstream has sent the last")
		open()
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, registrytest.Sum(layer), registrytest.Sum(string(first)+string(rest)))
	})
}

func TestPullThroughCutsCorruptStreams(t *testing.T) {
	layer := strings.Repeat("0123456789", 400_000)
	upstream := registrytest.Serve(t, server.Options{})
	registrytest.PushImage(t, registrytest.Dial(t, upstream.Addr), "app", "1", layer)
	cache := cacheOf(t, server.Options{}, upstream, registry.Credential{})
	upstream.Inject(server.Fault{Corrupt: true, Offset: 5, Times: 1, Method: "GET"})
	resp, err := http.Get(cache.URL + "/v2/app/blobs/" + registrytest.Sum(layer))
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, resp.Body.Close())
	assert.True(t, err != nil || resp.StatusCode == http.StatusBadGateway, "no client may take it for whole")
	assert.Equal(t, layer, registrytest.GetBlob(t, registrytest.Dial(t, cache.Addr), "app", digest.FromString(layer)))
}
