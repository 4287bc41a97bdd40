package images

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/storage"
)

// TestFresh: what an image has is on the disk, and the rest is put there.
func TestFresh(t *testing.T) {
	t.Parallel()
	all := &storage.MultiListResult{
		Layers: []storage.Layer{{ID: "base"}, {ID: "a", Parent: "base"}, {ID: "b", Parent: "a"}, {ID: "c", Parent: "b"}, {ID: "x"}, {ID: "y", Parent: "x"}},
		Images: []storage.Image{{ID: "1", TopLayer: "base"}, {ID: "2", TopLayer: "a"}, {ID: "3"}},
	}
	for top, want := range map[string][]string{"c": {"c", "b"}, "a": nil, "y": {"y", "x"}, "": nil, "gone": {"gone"}} {
		assert.Equal(t, want, fresh(top, all), top)
	}
}

// TestBelow: few files are listed, with their directories, and for many the whole file system is synced.
func TestBelow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a/b"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/f"), nil, 0o600))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "a/l")))
	trees := []string{filepath.Join(dir, "a"), filepath.Join(dir, "missing")}
	paths, ok := below(trees, 3)
	assert.True(t, ok)
	assert.Equal(t, []string{filepath.Join(dir, "a"), filepath.Join(dir, "a/b"), filepath.Join(dir, "a/f")}, paths)
	_, ok = below(trees, 2)
	assert.False(t, ok)
	d := &durable{graph: dir}
	require.NoError(t, d.sync(trees), "also without the driver's directories")
	require.NoError(t, d.sync([]string{"/proc/self/fd"}))
}
