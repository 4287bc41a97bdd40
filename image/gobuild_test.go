package image_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// goModule writes a module with a main package and another.
func goModule(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "module")
	all := fstest.MapFS{
		"go.mod":            {Data: []byte("module example.com/hello\n\ngo 1.22\n"), Mode: 0o644},
		"cmd/hello/main.go": {Data: []byte("package main\n\nvar version = \"none\"\n\nfunc main() { println(version) }\n"), Mode: 0o644},
		"lib/lib.go":        {Data: []byte("package lib\n"), Mode: 0o644},
	}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	require.NoError(t, os.CopyFS(dir, all))
	return dir
}

func TestBuildGo(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	if testenvUser() {
		t.Skip("the user has no Go toolchain")
	}
	var first *image.Image
	for range 2 {
		s := open(t) // neither the cache nor the directory make them the same
		img, err := s.BuildGo(t.Context(), "./cmd/hello", image.GoOptions{
			Dir: goModule(t, nil), Tags: []string{"hello"}, User: "65532", CACerts: true, Labels: map[string]string{"a": "b"},
			Files: fstest.MapFS{"etc/hello.conf": {Data: []byte("x"), Mode: 0o600}},
			Flags: []string{"-ldflags=-X=main.version=1"},
		})
		require.NoError(t, err)
		require.Equal(t, []string{"/app/hello"}, img.Config.Entrypoint)
		require.Equal(t, "65532", img.Config.User)
		require.Equal(t, map[string]string{"a": "b"}, img.Labels)
		require.Equal(t, int64(0), img.Created.Unix())
		require.Contains(t, tree(t, s, img), "etc/hello.conf")
		require.Contains(t, tree(t, s, img), "etc/ssl/certs/ca-certificates.crt")
		if first != nil {
			require.Equal(t, first.ID, img.ID)
			require.Equal(t, first.Digests, img.Digests)
		}
		first = img
	}
	s := open(t)
	arm, err := s.BuildGo(t.Context(), "example.com/hello/cmd/hello", image.GoOptions{Dir: goModule(t, nil), Platform: "linux/arm64"})
	require.NoError(t, err)
	require.Equal(t, "arm64", arm.Arch)
	require.Equal(t, []string{"app", "app/hello"}, tree(t, s, arm))
	_, err = build(t, s, "FROM scratch\nCOPY sh /bin/sh\nENV A=1\n", image.BuildOptions{Tags: []string{"base"}}, nil)
	require.NoError(t, err)
	based, err := s.BuildGo(t.Context(), "./cmd/hello", image.GoOptions{Dir: goModule(t, nil), Base: "base"})
	require.NoError(t, err)
	require.Len(t, based.Layers, 2)
	require.Contains(t, based.Config.Env, "A=1")
}

func TestBuildGoErrors(t *testing.T) {
	t.Parallel()
	if testenvUser() {
		t.Skip("the user has no Go toolchain")
	}
	s := open(t)
	dir := goModule(t, map[string]string{"cmd/broken/main.go": "package main\n\nfunc main() { undefined() }\n"})
	_, err := s.BuildGo(t.Context(), "./cmd/broken", image.GoOptions{Dir: dir})
	var be *image.BuildError
	require.ErrorAs(t, err, &be)
	require.Contains(t, be.Error(), "undefined: undefined")
	require.True(t, strings.HasPrefix(be.Step, "go build"), be.Step)
	require.Equal(t, 1, be.ExitCode)
	_, err = s.BuildGo(t.Context(), "./lib", image.GoOptions{Dir: dir})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	_, err = s.BuildGo(t.Context(), "./...", image.GoOptions{Dir: dir})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	_, err = s.BuildGo(t.Context(), "./none", image.GoOptions{Dir: dir})
	require.ErrorIs(t, err, image.ErrBuildStep)
	_, err = s.BuildGo(t.Context(), "./cmd/hello", image.GoOptions{Dir: dir, Platform: "windows/amd64"})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
}

func testenvUser() bool { return os.Getenv("CAISSON_TEST_USER") != "" }
