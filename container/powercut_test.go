//go:build linux

package container_test

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestPowerCut: a detached container, a volume and a network that were reported made are there after the power was cut, the
// container runs, and one that was reported removed is not there. A committed image is whole.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	disk := testenv.NewDisk(t, 128<<20)
	root := filepath.Join(disk.Dir, "store")
	t.Cleanup(func() { destroy(t, root) })
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	buildImage(t, store, testImage, dockerfile)
	require.NoError(t, store.Close())
	ctx := t.Context()
	e := openEngine(t, root)
	cut := func() string {
		t.Helper()
		file, err := disk.Cut()
		require.NoError(t, err)
		return file
	}
	_, err = e.CreateNetwork(ctx, container.NetworkOptions{Name: "net"})
	require.NoError(t, err)
	c, err := e.Create(ctx, container.Options{Image: testImage, Name: "kept", Detach: true, Network: "net", Cmd: []string{"stat", "/bin/testbox", "/data"}, Mounts: []container.Mount{{Type: container.MountVolume, Source: "data", Target: "/data"}}})
	require.NoError(t, err)
	created := cut()
	_, err = c.Commit(ctx, container.CommitOptions{Tags: []string{"committed"}})
	require.NoError(t, err)
	committed := cut()
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	require.NoError(t, e.RemoveVolume(ctx, "data"))
	require.NoError(t, e.RemoveNetwork(ctx, "net"))
	removed := cut()
	require.NoError(t, e.Store().Close())

	again := func(file string) *container.Engine {
		t.Helper()
		e := openEngine(t, filepath.Join(testenv.MountDisk(t, file), "store"))
		res, err := e.Store().Check(ctx, image.CheckOptions{})
		require.NoError(t, err)
		assert.Empty(t, res.Problems)
		return e
	}
	e = again(created)
	c, err = e.Get(ctx, "kept")
	require.NoError(t, err)
	require.NoError(t, c.Start(ctx))
	st, err := c.Wait(ctx)
	require.NoError(t, err)
	assert.Zero(t, st.ExitCode)
	_, err = again(committed).Store().Get(ctx, "committed")
	require.NoError(t, err)
	e = again(removed)
	infos, err := e.List(ctx, container.ListOptions{All: true})
	require.NoError(t, err)
	assert.Empty(t, infos)
	volumes, err := e.Volumes(ctx)
	require.NoError(t, err)
	assert.Empty(t, volumes)
	_, err = e.Network(ctx, "net")
	require.ErrorIs(t, err, container.ErrNotFound)
}
