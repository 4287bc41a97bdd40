package container_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestRenameOnNetwork: the name servers of the container's networks know the new name, and not the old one.
func TestRenameOnNetwork(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := server(t, e, container.Options{Name: "dns-old"})
	require.NoError(t, c.Rename(t.Context(), "dns-new"))
	out, errs, _ := run(t, e, container.Options{Cmd: []string{"dial", "dns-new:7000", "by name"}})
	assert.Equal(t, "BY NAME\n", out, errs)
	_, _, st := run(t, e, container.Options{Cmd: []string{"dial", "dns-old:7000", "by name"}})
	assert.NotZero(t, st.ExitCode)
}

func TestRename(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	other := create(t, e, container.Options{Name: "rename-other"})
	for _, running := range []bool{false, true} {
		c := create(t, e, container.Options{Name: "rename-old", Cmd: []string{"sleep", "1h"}})
		if running {
			require.NoError(t, c.Start(ctx))
		}
		require.ErrorIs(t, c.Rename(ctx, "rename-other"), container.ErrNameInUse)
		require.ErrorIs(t, c.Rename(ctx, "-x"), container.ErrInvalidArgument)
		require.ErrorIs(t, c.Rename(ctx, ""), container.ErrInvalidArgument)
		require.NoError(t, c.Rename(ctx, "rename-old"), "to its own name")
		require.NoError(t, c.Rename(ctx, "rename-new"))
		info, err := c.Inspect(ctx)
		require.NoError(t, err)
		assert.Equal(t, "rename-new", info.Name)
		got, err := e.Get(ctx, "rename-new")
		require.NoError(t, err)
		assert.Equal(t, c.ID(), got.ID())
		assert.Equal(t, "rename-new", got.Name())
		_, err = e.Get(ctx, "rename-old")
		require.ErrorIs(t, err, container.ErrNotFound)
		again := create(t, e, container.Options{Name: "rename-old"})
		require.NoError(t, again.Remove(ctx, container.RemoveOptions{}), "the old name is free")
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
		require.NoError(t, other.Rename(ctx, "rename-new"), "and so is the new one after the removal")
		require.NoError(t, other.Rename(ctx, "rename-other"))
		require.ErrorIs(t, c.Rename(ctx, "rename-x"), container.ErrNotFound)
	}
}

func TestRenameOfADetachedContainer(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Name: "rename-detached", Cmd: []string{"sleep", "1h"}, Detach: true})
	require.NoError(t, c.Rename(ctx, "rename-detached-2"), "before it runs, without a manager")
	require.NoError(t, c.Start(ctx))
	require.NoError(t, c.Rename(ctx, "rename-detached-3"), "by its own agent")
	got, err := e.Get(ctx, "rename-detached-3")
	require.NoError(t, err)
	assert.Equal(t, c.ID(), got.ID())
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
	_, err = e.Get(ctx, "rename-detached-3")
	require.ErrorIs(t, err, container.ErrNotFound)
}

func TestRenameRace(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	const n = 8
	errs := make(chan error, n)
	for range n {
		c := create(t, e, container.Options{})
		go func() { errs <- c.Rename(t.Context(), "rename-race") }()
	}
	won := 0
	for range n {
		if err := <-errs; err == nil {
			won++
		} else {
			require.ErrorIs(t, err, container.ErrNameInUse)
		}
	}
	assert.Equal(t, 1, won)
}
