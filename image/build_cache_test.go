package image_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestBuildCacheByRegistry: a second store takes steps' results from where the first one's build left them.
func TestBuildCacheByRegistry(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	text := base + "RUN echo ran && fill /data 1000\nENV A=1\nRUN echo ran too\n"
	repo := []string{reg.Addr + "/team/cache"}
	one, err := build(t, open(t), text, image.BuildOptions{Cache: image.CacheOptions{To: repo}}, nil)
	require.NoError(t, err)

	s := open(t)
	var ran, cached []string
	img, err := build(t, s, text, image.BuildOptions{Cache: image.CacheOptions{From: repo}, Tags: []string{"app"}, Progress: func(e image.BuildEvent) {
		switch e.Kind {
		case image.BuildOutput:
			ran = append(ran, string(e.Output))
		case image.BuildCached:
			cached = append(cached, e.Instruction)
		}
	}}, nil)
	require.NoError(t, err)
	require.Empty(t, ran)
	require.Equal(t, []string{"COPY sh /bin/sh", "RUN echo ran && fill /data 1000", "ENV A=1", "RUN echo ran too"}, cached)
	require.Equal(t, one.ID, img.ID)
	list, err := s.List(t.Context(), image.ListOptions{})
	require.NoError(t, err)
	require.Len(t, list, 1, "what was fetched shows")
	require.Equal(t, []string{"docker.io/library/app:latest"}, list[0].Names)

	// An unreachable cache is an empty one; one that can't be written is an error.
	var out bytes.Buffer
	nowhere := []string{"127.0.0.1:1/cache"}
	_, err = build(t, open(t), base+"RUN echo ran\n", image.BuildOptions{Cache: image.CacheOptions{From: nowhere}, Output: &out}, nil)
	require.NoError(t, err)
	require.Contains(t, out.String(), "\nran\n")
	_, err = build(t, s, base+"RUN echo again\n", image.BuildOptions{Cache: image.CacheOptions{To: nowhere}}, nil)
	require.ErrorIs(t, err, image.ErrUnreachable)

	for field, opts := range map[string]image.BuildOptions{
		"Cache.From": {Cache: image.CacheOptions{From: []string{"reg.example.com/cache:tag"}}}, "Cache.To": {Cache: image.CacheOptions{To: []string{"reg.example.com/cache:tag"}}},
	} {
		_, err := build(t, s, text, opts, nil)
		require.ErrorIs(t, err, image.ErrInvalidArgument)
		require.ErrorContains(t, err, field)
	}
	_, err = build(t, s, text, image.BuildOptions{Cache: image.CacheOptions{From: []string{"UPPER/x"}}}, nil)
	require.ErrorIs(t, err, image.ErrInvalidReference)
}

// TestCacheOnLoopbackVerifies: a cache with plain HTTP does not turn off the verification of other servers.
func TestCacheOnLoopbackVerifies(t *testing.T) {
	t.Parallel()
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) }))
	defer web.Close()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s, cache := open(t), []string{reg.Addr + "/cache"}
	_, err := build(t, s, "FROM scratch\nADD "+web.URL+"/f /f\n", image.BuildOptions{Cache: image.CacheOptions{From: cache, To: cache}}, nil)
	require.ErrorIs(t, err, image.ErrBuildStep)
	require.ErrorContains(t, err, "certificate")
	_, err = build(t, s, "FROM scratch\nADD "+web.URL+"/f /f\n", image.BuildOptions{Transport: image.Transport{Insecure: true}}, nil)
	require.NoError(t, err)
}

func TestPullPolicyUnknown(t *testing.T) {
	t.Parallel()
	_, err := build(t, open(t), base, image.BuildOptions{Pull: "sometimes"}, nil)
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	require.ErrorContains(t, err, "Pull")
}

// BenchmarkBuildCached is a build of which every step is cached, 25 of them COPY: what a developer waits for who changed
// nothing.
func BenchmarkBuildCached(b *testing.B) {
	var text strings.Builder
	text.WriteString(base)
	files := map[string]string{}
	for i := range 25 {
		name := fmt.Sprintf("f%d", i)
		files[name] = name
		fmt.Fprintf(&text, "COPY %s /d/\nENV E%d=1\n", name, i)
	}
	dir := b.TempDir()
	require.NoError(b, os.CopyFS(dir, buildContext(b, files)))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(text.String()), 0o644))
	again := func(b *testing.B, build func()) {
		build()
		var took spread
		for b.Loop() {
			took.time(build)
		}
		took.report(b)
	}
	b.Run("caisson", func(b *testing.B) {
		s := open(b)
		again(b, func() {
			_, err := s.Build(b.Context(), image.BuildOptions{Context: os.DirFS(dir)})
			require.NoError(b, err)
		})
	})
	b.Run("podman", func(b *testing.B) {
		storage := benchStorage(b)
		again(b, peer(b, "podman", "--root="+storage+"/graph", "--runroot="+storage+"/run", "--storage-driver=overlay",
			"build", "--layers", "--quiet", dir))
	})
}
