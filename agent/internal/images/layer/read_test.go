//go:build linux

package layer_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/internal/api"
)

// mounted is a root as Mount opens it, with a file beside it that nothing in it leads to.
func mounted(t *testing.T) *os.File {
	t.Helper()
	outer := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outer, "beside"), []byte("beside"), 0o600))
	dir := filepath.Join(outer, "root")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "d", "f"), []byte("0123456789"), 0o640))
	for link, to := range map[string]string{"l": "d/f", "abs": "/d/f", "out": "../beside", "loop": "loop", "ld": "d"} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	root, err := os.OpenFile(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

func TestStat(t *testing.T) {
	root := mounted(t)
	for name, c := range map[string]struct {
		follow bool
		mode   fs.FileMode
		base   string
	}{
		"d/f": {false, 0o640, "f"}, "l": {true, 0o640, "l"}, "abs": {true, 0o640, "abs"}, ".": {false, fs.ModeDir | 0o755, "/"}, "ld/f": {false, 0o640, "f"},
		"d/../d/f": {false, 0o640, "f"}, "../../d/f": {false, 0o640, "f"},
	} {
		info, err := layer.Stat(root, name, c.follow)
		require.NoError(t, err, name)
		assert.Equal(t, c.mode, info.Mode, name)
		assert.Equal(t, c.base, info.Name, name)
	}
	info, err := layer.Stat(root, "l", false)
	require.NoError(t, err)
	assert.Equal(t, fs.ModeSymlink, info.Mode.Type())
	for name, want := range map[string]error{"nothing": api.ErrNotFound, "out": api.ErrNotFound, "loop": api.ErrInvalidArgument, "d/f/x": api.ErrInvalidArgument} {
		_, err := layer.Stat(root, name, true)
		require.ErrorIs(t, err, want, name)
		assert.NotContains(t, err.Error(), root.Name(), "the path is the agent's own")
	}
}

func TestReadDir(t *testing.T) {
	root := mounted(t)
	infos, err := layer.ReadDir(root, "ld")
	require.NoError(t, err)
	require.Len(t, infos, 1)
	assert.Equal(t, "f", infos[0].Name)
	assert.EqualValues(t, 10, infos[0].Size)
	_, err = layer.ReadDir(root, "d/f")
	assert.ErrorIs(t, err, api.ErrInvalidArgument)
}

func TestReadLink(t *testing.T) {
	root := mounted(t)
	to, err := layer.ReadLink(root, "out")
	require.NoError(t, err)
	assert.Equal(t, "../beside", to)
	_, err = layer.ReadLink(root, "d/f")
	assert.ErrorIs(t, err, api.ErrInvalidArgument)
}

func TestOpen(t *testing.T) {
	root := mounted(t)
	for name, c := range map[string]struct {
		file          string
		offset, limit int64
		want          string
	}{
		"all":           {"d/f", 0, -1, "0123456789"},
		"a part":        {"l", 2, 3, "234"},
		"to the end":    {"abs", 8, 100, "89"},
		"after the end": {"d/f", 11, -1, ""},
		"nothing":       {"d/f", 0, 0, ""},
	} {
		f, n, err := layer.Open(root, c.file, c.offset, c.limit)
		require.NoError(t, err, name)
		b, err := io.ReadAll(io.LimitReader(f, n))
		require.NoError(t, err, name)
		require.NoError(t, f.Close())
		assert.Equal(t, c.want, string(b), name)
		assert.EqualValues(t, len(c.want), n, name)
	}
	for name, want := range map[string]error{"d": api.ErrInvalidArgument, "pipe": api.ErrInvalidArgument, "out": api.ErrNotFound} {
		_, _, err := layer.Open(root, name, 0, -1)
		assert.ErrorIs(t, err, want, name)
	}
	_, _, err := layer.Open(root, "d/f", -1, -1)
	assert.ErrorIs(t, err, api.ErrInvalidArgument)
}
