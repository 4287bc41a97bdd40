//go:build linux

package image_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestFullDiskBuild: a build whose step finds the disk full says so, leaves nothing of that step, and the store works on.
func TestFullDiskBuild(t *testing.T) {
	t.Parallel()
	testenv.Root(t) // to mount a small file system
	s := openSmall(t, 24<<20)
	_, err := build(t, s, base, image.BuildOptions{Tags: []string{"base"}}, nil)
	require.NoError(t, err)
	before := layersOf(t, s)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "large"), bytes.Repeat([]byte("x"), 32<<20), 0o644))
	for name, c := range map[string]struct {
		text string
		exit int
	}{
		"RUN":  {"RUN fill /large 33554432", 1},
		"COPY": {"COPY large /", 0},
		"ADD":  {"ADD large /d/", 0},
	} {
		_, err := s.Build(t.Context(), image.BuildOptions{Context: os.DirFS(dir), DockerfileText: "FROM base\n" + c.text, Output: testWriter{t}})
		require.ErrorIs(t, err, image.ErrNoSpace, name)
		require.ErrorIs(t, err, image.ErrBuildStep, name)
		require.ErrorContains(t, err, "Prune", name)
		var be *image.BuildError
		require.ErrorAs(t, err, &be, name)
		require.Equal(t, 2, be.Line, name)
		require.Equal(t, c.exit, be.ExitCode, name)
		require.ElementsMatch(t, before, layersOf(t, s), name)
		left, err := filepath.Glob(filepath.Join(s.Root(), "tmp", "*", "*"))
		require.NoError(t, err)
		for _, l := range left {
			empty, err := filepath.Glob(filepath.Join(l, "*"))
			require.NoError(t, err)
			require.True(t, filepath.Base(l) == "steps" && len(empty) == 0, "%s: %s", name, l)
		}
	}
	_, err = build(t, s, "FROM base\nRUN echo x > /x", image.BuildOptions{}, nil)
	require.NoError(t, err)
}

// layersOf are the directories of a store's layers.
func layersOf(t *testing.T, s *image.Store) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(s.Root(), "storage", "overlay", "*", "diff"))
	require.NoError(t, err)
	return dirs
}
