package container_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestIdleTimeout: a detached container goes when nobody holds it, running or not, and not before.
func TestIdleTimeout(t *testing.T) {
	testenv.Slow(t)
	t.Parallel() // it waits, most of its time
	root, before := killStore(t)
	e := openEngine(t, root)
	ctx := t.Context()
	_, err := e.Create(ctx, container.Options{Image: testImage, Lifecycle: container.LifecycleConfig{IdleTimeout: time.Second}})
	require.ErrorIs(t, err, container.ErrInvalidArgument, "it goes with its process")

	start := func(cmd ...string) *container.Container {
		c, err := e.Start(ctx, container.Options{Image: testImage, Cmd: cmd, Detach: true, Lifecycle: container.LifecycleConfig{IdleTimeout: 3 * time.Second}})
		require.NoError(t, err)
		return c
	}
	var held *container.Container
	var release func()
	for err = container.ErrNotFound; errors.Is(err, container.ErrNotFound); { // a slow machine may come too late
		held = start("sleep", "1h")
		release, err = held.Hold(ctx)
	}
	require.NoError(t, err)
	again, err := held.Hold(ctx)
	require.NoError(t, err)
	ended := start("true")
	running := start("sleep", "1h") // its time begins, and ends, after that of held would have
	require.NoError(t, running.WaitRemoved(ctx))
	require.NoError(t, ended.WaitRemoved(ctx))
	_, err = running.Hold(ctx)
	require.ErrorIs(t, err, container.ErrNotFound)
	again()
	info, err := held.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusRunning, info.State.Status)
	release()
	release() // once is enough
	require.NoError(t, held.WaitRemoved(ctx))
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}
