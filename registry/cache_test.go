package registry_test

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
	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func cacheOf(t *testing.T, o registry.ServerOptions, upstream *registry.Serving, cred registry.Credential) *registry.Serving {
	t.Helper()
	o.Upstream = registry.Upstream{Registry: upstream.Addr, Client: registry.ClientOptions{
		Credential: cred, AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 1},
	}}
	return serve(t, o)
}

func TestPullThrough(t *testing.T) {
	stores(t, func(t *testing.T, o registry.ServerOptions) {
		layer := strings.Repeat("layer ", 100_000)
		cred := registry.Credential{Username: "admin", Password: "root pass"}
		setup := registry.ServerOptions{Dir: t.TempDir()}
		desc := pushImage(t, dial(t, serve(t, setup).Addr), "team/app", "1", layer)
		setup.Auth = team
		upstream := serve(t, setup)
		cache := cacheOf(t, o, upstream, cred)
		c := dial(t, cache.Addr)

		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { assert.Equal(t, layer, getBlob(t, c, "team/app", digest.FromString(layer))) })
		}
		wg.Wait()
		fetched := 0
		for _, r := range upstream.Requests() {
			if r.Reference == sum(layer) && r.Status == 200 {
				fetched++
			}
		}
		assert.Equal(t, 1, fetched, "eight clients, one download")

		got, err := anonymous().Resolve(context.Background(), cache.Addr+"/team/app:1")
		require.NoError(t, err)
		assert.Equal(t, desc.Digest.String(), got.Digest)
		assert.Contains(t, do(t, "GET", cache.URL+"/v2/team/app/tags/list", "").body, `["1"]`)
		assert.Equal(t, 405, do(t, "POST", cache.URL+"/v2/team/app/blobs/uploads/", "").status)
		assert.Equal(t, 404, do(t, "GET", cache.URL+"/v2/team/app/manifests/lost", "").status)

		upstream.Inject(registry.Fault{Status: 503})
		assert.Equal(t, 200, do(t, "GET", cache.URL+"/v2/team/app/manifests/1", "").status, "as it was")
		assert.Equal(t, layer, getBlob(t, c, "team/app", digest.FromString(layer)))
		assert.Equal(t, 502, do(t, "GET", cache.URL+"/v2/team/app/manifests/2", "").status)
	})
}

func TestPullThroughFollowsTheTag(t *testing.T) {
	upstream := serve(t, registry.ServerOptions{})
	cache := cacheOf(t, registry.ServerOptions{}, upstream, registry.Credential{})
	for _, layer := range []string{"old", "new"} {
		want := pushImage(t, dial(t, upstream.Addr), "app", "latest", layer)
		got, err := anonymous().Resolve(context.Background(), cache.Addr+"/app")
		require.NoError(t, err)
		assert.Equal(t, want.Digest.String(), got.Digest)
	}
}

func TestPullThroughRefusesCorruption(t *testing.T) {
	upstream := serve(t, registry.ServerOptions{})
	pushImage(t, dial(t, upstream.Addr), "app", "1", "0123456789")
	cache := cacheOf(t, registry.ServerOptions{}, upstream, registry.Credential{})
	upstream.Inject(registry.Fault{Corrupt: true, Offset: 5, Times: 1, Method: "GET"})
	assert.Equal(t, 502, do(t, "GET", cache.URL+"/v2/app/blobs/"+sum("0123456789"), "").status)
	assert.Equal(t, "0123456789", do(t, "GET", cache.URL+"/v2/app/blobs/"+sum("0123456789"), "").body)
}

func TestPullThroughStreams(t *testing.T) {
	stores(t, func(t *testing.T, o registry.ServerOptions) {
		layer := strings.Repeat("0123456789", 400_000)
		upstream := serve(t, registry.ServerOptions{})
		pushImage(t, dial(t, upstream.Addr), "app", "1", layer)
		gate := make(chan struct{})
		slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, sum(layer)) && r.Method == http.MethodGet {
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
		cache := serve(t, o)

		resp, err := http.Get(cache.URL + "/v2/app/blobs/" + sum(layer))
		require.NoError(t, err)
		defer func() { require.NoError(t, resp.Body.Close()) }()
		first := make([]byte, 2_500_000)
		_, err = io.ReadFull(resp.Body, first)
		require.NoError(t, err, "the first bytes come before the upstream has sent the last")
		open()
		rest, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Equal(t, sum(layer), sum(string(first)+string(rest)))
	})
}

func TestPullThroughCutsCorruptStreams(t *testing.T) {
	layer := strings.Repeat("0123456789", 400_000)
	upstream := serve(t, registry.ServerOptions{})
	pushImage(t, dial(t, upstream.Addr), "app", "1", layer)
	cache := cacheOf(t, registry.ServerOptions{}, upstream, registry.Credential{})
	upstream.Inject(registry.Fault{Corrupt: true, Offset: 5, Times: 1, Method: "GET"})
	resp, err := http.Get(cache.URL + "/v2/app/blobs/" + sum(layer))
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, resp.Body.Close())
	assert.True(t, err != nil || resp.StatusCode == http.StatusBadGateway, "no client may take it for whole")
	assert.Equal(t, layer, getBlob(t, dial(t, cache.Addr), "app", digest.FromString(layer)))
}
