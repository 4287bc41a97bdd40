package container_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestDiff(t *testing.T) {
	t.Parallel()
	both(t, container.Options{Dir: "/data", Mounts: []container.Mount{{Type: container.MountVolume, Target: "/data/vol"}}}, func(t *testing.T, c *container.Container) {
		ctx := t.Context()
		require.NoError(t, c.WriteFile(ctx, "/new/file", []byte("n"), 0o644, container.CopyOptions{}))
		require.NoError(t, c.WriteFile(ctx, "/data/note", []byte("changed"), 0o644, container.CopyOptions{}))
		require.NoError(t, c.WriteFile(ctx, "/data/vol/x", []byte("in a volume"), 0o644, container.CopyOptions{}))
		if err := c.Start(ctx); err != nil {
			require.ErrorIs(t, err, container.ErrRunning)
		}
		require.NoError(t, c.Command("/bin/testbox", "rm", "/etc/group").Run(ctx))
		want := []container.Change{
			{Kind: container.ChangeModified, Path: "/data"},
			{Kind: container.ChangeModified, Path: "/data/note"},
			{Kind: container.ChangeAdded, Path: "/data/vol"},
			{Kind: container.ChangeModified, Path: "/etc"},
			{Kind: container.ChangeDeleted, Path: "/etc/group"},
			{Kind: container.ChangeAdded, Path: "/new"},
			{Kind: container.ChangeAdded, Path: "/new/file"},
		}
		got, err := c.Diff(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		require.NoError(t, c.Kill(ctx, ""))
		_, err = c.Wait(ctx)
		require.NoError(t, err)
		got, err = c.Diff(ctx)
		require.NoError(t, err)
		assert.Equal(t, want, got, "after its end too")
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
		_, err = c.Diff(ctx)
		require.ErrorIs(t, err, container.ErrNotFound)
	})
}

func TestDiffOfNothing(t *testing.T) {
	t.Parallel()
	both(t, container.Options{Dir: "/data"}, func(t *testing.T, c *container.Container) {
		got, err := c.Diff(t.Context())
		require.NoError(t, err)
		assert.Empty(t, got, "what the engine mounts is no change")
	})
}
