//go:build linux

package container_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// TestDamagedFiles: a container with a file that can't be read harms none but itself. It is listed as damaged by its
// name, what is asked of it says so, and it can be removed.
func TestDamagedFiles(t *testing.T) {
	t.Parallel()
	root, before := killStore(t)
	ctx := t.Context()
	ids := map[string]string{}
	e := openEngine(t, root)
	for _, name := range []string{"good", "no-config", "broken-config", "no-state"} {
		c, err := e.Create(ctx, container.Options{Image: testImage, Name: name, Detach: true, Mounts: []container.Mount{{Type: container.MountVolume, Source: "shared", Target: "/v"}}})
		require.NoError(t, err)
		ids[name] = c.ID()
	}
	require.NoError(t, e.Store().Close())
	write := func(name, file, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(root, "containers", ids[name], file), []byte(text), 0o600))
	}
	write("no-config", "config.json", "")
	write("broken-config", "config.json", "{")
	write("no-state", "state.json", "")

	e = openEngine(t, root)
	infos, err := e.List(ctx, container.ListOptions{All: true})
	require.NoError(t, err)
	statuses := map[string]container.Status{}
	for _, info := range infos {
		statuses[info.Name] = info.State.Status
		if info.State.Status == container.StatusDamaged {
			assert.Contains(t, info.State.Error, ids[info.Name]+": its file config.json is damaged")
		}
		if info.Name == "no-state" {
			assert.Contains(t, info.State.Error, "state.json was damaged", "the next agent gives it another")
		}
	}
	assert.Equal(t, map[string]container.Status{
		"good": container.StatusCreated, "no-config": container.StatusDamaged, "broken-config": container.StatusDamaged, "no-state": container.StatusExited,
	}, statuses)
	volumes, err := e.Volumes(ctx)
	require.NoError(t, err)
	assert.Len(t, volumes, 1)
	_, err = e.Prune(ctx, container.PruneOptions{})
	require.NoError(t, err)
	for _, name := range []string{"no-config", "broken-config"} {
		c, err := e.Get(ctx, name)
		require.NoError(t, err)
		require.ErrorIs(t, c.Start(ctx), image.ErrCorrupt)
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
		_, err = e.Get(ctx, name)
		require.ErrorIs(t, err, container.ErrNotFound)
		assert.NoDirExists(t, filepath.Join(root, "containers", ids[name]))
	}
	require.NoError(t, e.RemoveVolume(ctx, "shared"))
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}
