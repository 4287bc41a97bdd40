//go:build linux

package container_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// TestCheckDamagedFiles: Check reports containers, volumes and networks that are damaged, by their names and no others, and
// Repair removes them, but keeps what is in the volume.
func TestCheckDamagedFiles(t *testing.T) {
	t.Parallel()
	root, before := killStore(t)
	ctx := t.Context()
	ids := map[string]string{}
	e := openEngine(t, root)
	for _, name := range []string{"good", "config", "lost"} {
		c, err := e.Create(ctx, container.Options{Image: testImage, Name: name, Detach: true})
		require.NoError(t, err)
		ids[name] = c.ID()
	}
	for _, name := range []string{"data", "other"} {
		_, err := e.CreateVolume(ctx, container.VolumeOptions{Name: name})
		require.NoError(t, err)
		_, err = e.CreateNetwork(ctx, container.NetworkOptions{Name: name})
		require.NoError(t, err)
	}
	check := func(opts image.CheckOptions) (found map[string]string) {
		res, err := e.Store().Check(ctx, opts)
		require.NoError(t, err)
		found = map[string]string{}
		for _, p := range res.Problems {
			require.Len(t, p.Names, 1)
			require.Len(t, p.Details, 1)
			found[p.Kind+" "+p.Names[0]] = p.Details[0]
		}
		return found
	}
	require.Empty(t, check(image.CheckOptions{}))
	require.NoError(t, e.Store().Close()) // an agent knows the storage's records
	content := filepath.Join(root, "volumes", "data", "_data", "file")
	require.NoError(t, os.WriteFile(content, []byte("x"), 0o600))
	for _, file := range []string{"containers/" + ids["config"] + "/config.json", "volumes/data/volume.json", "networks/data.json"} {
		require.NoError(t, os.WriteFile(filepath.Join(root, file), nil, 0o600))
	}
	listed, err := filepath.Glob(filepath.Join(root, "storage", "overlay-containers", "containers.json"))
	require.NoError(t, err)
	require.Len(t, listed, 1)
	b, err := os.ReadFile(listed[0])
	require.NoError(t, err)
	var all []map[string]any
	require.NoError(t, json.Unmarshal(b, &all))
	all = slices.DeleteFunc(all, func(c map[string]any) bool { return c["id"] == ids["lost"] })
	b, err = json.Marshal(all)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(listed[0], b, 0o600))

	e = openEngine(t, root)
	running, err := e.Start(ctx, container.Options{Image: testImage, Cmd: []string{"sleep", "1h"}})
	require.NoError(t, err)
	found := check(image.CheckOptions{Quick: true})
	assert.Equal(t, []string{"container config", "container lost", "network data", "volume data"}, slices.Sorted(maps.Keys(found)))
	assert.Contains(t, found["container config"], "config.json is damaged")
	assert.Contains(t, found["container lost"], "its file system is missing")
	check(image.CheckOptions{Repair: true})
	require.Empty(t, check(image.CheckOptions{}))
	assert.FileExists(t, content)
	infos, err := e.List(ctx, container.ListOptions{All: true})
	require.NoError(t, err)
	assert.Len(t, infos, 2, "the good one and the running one")
	require.NoError(t, running.Remove(ctx, container.RemoveOptions{Force: true}))
	for _, name := range []string{"data", "other"} {
		require.NoError(t, e.RemoveVolume(ctx, name))
	}
	require.NoError(t, e.RemoveNetwork(ctx, "other"))
	require.ErrorIs(t, e.RemoveNetwork(ctx, "data"), container.ErrNotFound)
	c, err := e.Get(ctx, "good")
	require.NoError(t, err)
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}
