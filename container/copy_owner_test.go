//go:build linux

package container_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestKeepOwner: with KeepOwner the ids of files and links go into the container and come out of it, as by docker cp -a.
func TestKeepOwner(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{})
	out := t.TempDir()
	keep := container.CopyFromOptions{KeepOwner: true}
	if os.Geteuid() != 0 {
		err := c.Download(ctx, "/data/note", out, keep)
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, "CopyFromOptions.KeepOwner")
		require.NoError(t, c.Download(ctx, "/data/note", out, container.CopyFromOptions{}))
		return
	}
	host := filepath.Join(t.TempDir(), "tree")
	require.NoError(t, os.MkdirAll(filepath.Join(host, "dir"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(host, "dir", "f"), []byte("mine"), 0o640))
	require.NoError(t, os.Chmod(filepath.Join(host, "dir", "f"), 0o640|fs.ModeSetuid))
	require.NoError(t, os.Symlink("dir/f", filepath.Join(host, "lnk")))
	owners := map[string][2]int{"": {0, 7}, "dir": {1000, 2000}, "dir/f": {1001, 2001}, "lnk": {1002, 2002}}
	for name, id := range owners {
		require.NoError(t, os.Lchown(filepath.Join(host, name), id[0], id[1]))
	}
	require.NoError(t, c.Upload(ctx, host, "/data/tree", container.CopyOptions{KeepOwner: true}))
	require.NoError(t, c.Download(ctx, "/data/tree", out, keep))
	require.NoError(t, c.Download(ctx, "/data/tree", filepath.Join(out, "plain"), container.CopyFromOptions{}))
	for name, id := range owners {
		info, err := c.StatPath(ctx, "/data/tree/"+name)
		require.NoError(t, err)
		assert.Equal(t, id, [2]int{info.UID, info.GID}, name)
		assert.Equal(t, id, ownerOf(t, filepath.Join(out, "tree", name)), name)
		assert.Equal(t, [2]int{os.Geteuid(), os.Getegid()}, ownerOf(t, filepath.Join(out, "plain", name)), name)
	}
	st, err := os.Stat(filepath.Join(out, "tree/dir/f"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), st.Mode(), "no program of the container's runs as another user of the host")
	st, err = os.Stat(filepath.Join(out, "tree/dir"))
	require.NoError(t, err)
	assert.Equal(t, fs.ModeDir|0o750, st.Mode())
}

func ownerOf(t *testing.T, path string) [2]int {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	st := info.Sys().(*syscall.Stat_t)
	return [2]int{int(st.Uid), int(st.Gid)}
}
