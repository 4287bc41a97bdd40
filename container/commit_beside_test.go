//go:build linux

package container_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestCommitUnpacksBesideOthers: what a commit unpacks is not in the storage driver's tempdirs, from where another process
// that loads the store's layers could take it away, as one that a dead process left.
func TestCommitUnpacksBesideOthers(t *testing.T) {
	t.Parallel()
	root, _ := killStore(t)
	e := openEngine(t, root)
	c, err := e.Create(t.Context(), container.Options{Image: testImage, Cmd: []string{"true"}})
	require.NoError(t, err)
	require.NoError(t, c.WriteFile(t.Context(), "/mine", []byte("committed"), 0o640, container.CopyOptions{}))
	dir := filepath.Join(root, "storage/overlay/tempdirs")
	require.NoError(t, os.Remove(dir))
	require.NoError(t, os.WriteFile(dir, nil, 0o600))
	img, err := c.Commit(t.Context(), container.CommitOptions{Tags: []string{"localhost/beside:1"}})
	require.NoError(t, errors.Join(err, os.Remove(dir), os.Mkdir(dir, 0o700)))
	files, err := e.Store().FS(t.Context(), img.ID)
	require.NoError(t, err)
	defer files.Close()
	b, err := fs.ReadFile(files, "mine")
	require.NoError(t, err)
	assert.Equal(t, "committed", string(b))
	require.NoError(t, e.Store().Close())
}
