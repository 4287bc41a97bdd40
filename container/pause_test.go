//go:build linux

package container_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// pause pauses, or ends the test as an ordinary user who gets told why it can't be.
func pause(t *testing.T, c *container.Container) {
	t.Helper()
	err := c.Pause(t.Context())
	if os.Geteuid() != 0 && errors.Is(err, container.ErrUnsupported) {
		require.ErrorContains(t, err, "cgroup")
		info, err := c.Inspect(t.Context())
		require.NoError(t, err)
		require.Equal(t, container.StatusRunning, info.State.Status)
		t.Skip("an ordinary user without delegated cgroups, who is told so")
	}
	require.NoError(t, err)
}

func TestPause(t *testing.T) {
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{Cmd: []string{"trap", "terminated"}})
	waitForLog(t, c, "ready")
	require.ErrorIs(t, c.Resume(ctx), container.ErrNotPaused)
	pause(t, c)
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusPaused, info.State.Status)
	require.ErrorIs(t, c.Pause(ctx), container.ErrPaused)
	require.ErrorIs(t, c.Command("/bin/testbox", "true").Run(ctx), container.ErrPaused)
	require.ErrorIs(t, c.Start(ctx), container.ErrRunning)
	require.ErrorIs(t, c.Remove(ctx, container.RemoveOptions{}), container.ErrRunning)
	infos, err := e.List(ctx, container.ListOptions{})
	require.NoError(t, err)
	assert.True(t, contains(infos, c.ID()), "a paused container is among those that run")

	// It does not move: the answer to a signal comes after Resume only.
	require.NoError(t, c.Kill(ctx, "SIGHUP"))
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	w := &watcher{text: "got hangup", found: cancel}
	require.Error(t, c.Logs(short, container.LogsOptions{Stdout: w, Follow: true}))
	assert.False(t, w.seen)
	require.NoError(t, c.Resume(ctx))
	waitForLog(t, c, "got hangup")
	info, err = c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusRunning, info.State.Status)
	require.NoError(t, c.Command("/bin/testbox", "true").Run(ctx))
}

func contains(infos []container.Info, id string) bool {
	for _, i := range infos {
		if i.ID == id {
			return true
		}
	}
	return false
}

func TestEndOfAPausedContainer(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for name, tc := range map[string]struct {
		end  func(c *container.Container) error
		code int
	}{
		"stop handled":        {func(c *container.Container) error { return c.Stop(t.Context(), container.StopOptions{}) }, 42},
		"stop signal by kill": {func(c *container.Container) error { return c.Kill(t.Context(), "TERM") }, 42},
		"kill":                {func(c *container.Container) error { return c.Kill(t.Context(), "KILL") }, 137},
		"stop that kills": {func(c *container.Container) error {
			return c.Stop(t.Context(), container.StopOptions{Signal: "USR1", Timeout: 50 * time.Millisecond})
		}, 137},
	} {
		t.Run(name, func(t *testing.T) {
			c := start(t, e, container.Options{Cmd: []string{"trap", "terminated"}})
			waitForLog(t, c, "ready")
			pause(t, c)
			require.NoError(t, tc.end(c))
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			st, err := c.Wait(ctx)
			require.NoError(t, err)
			assert.Equal(t, tc.code, st.ExitCode)
			require.ErrorIs(t, c.Pause(ctx), container.ErrNotRunning)
			require.ErrorIs(t, c.Resume(ctx), container.ErrNotRunning)
			require.NoError(t, c.Start(ctx), "it starts again")
		})
	}
	t.Run("remove", func(t *testing.T) {
		c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
		pause(t, c)
		require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
		_, err := c.Inspect(t.Context())
		require.ErrorIs(t, err, container.ErrNotFound)
	})
}

// TestKillOwnerOfAPausedContainer: frozen processes don't die by the signal alone.
func TestKillOwnerOfAPausedContainer(t *testing.T) {
	testenv.Slow(t)
	for _, both := range []bool{false, true} {
		t.Run(map[bool]string{false: "owner", true: "owner and agent"}[both], func(t *testing.T) {
			root, before := killStore(t)
			cmd := startChild(t, root, "hang")
			agents := agentsOf(t, root)
			e := openEngine(t, root)
			c, err := e.Get(t.Context(), "second")
			require.NoError(t, err)
			if err := c.Pause(t.Context()); err != nil {
				require.ErrorIs(t, err, container.ErrUnsupported)
				require.NotZero(t, os.Geteuid())
			}
			if both {
				for _, pid := range agents {
					p, err := os.FindProcess(pid)
					require.NoError(t, err)
					require.NoError(t, p.Kill())
				}
			}
			require.NoError(t, cmd.Process.Kill())
			_ = cmd.Wait() // killed
			if both {
				require.NoError(t, e.Store().Close())
				e = openEngine(t, root) // whose agent collects
			}
			require.Eventually(t, func() bool {
				infos, err := e.List(t.Context(), container.ListOptions{All: true})
				return err == nil && len(infos) == 0
			}, time.Minute, 5*time.Millisecond)
			require.NoError(t, e.Store().Close())
			settles(t, root, before)
		})
	}
}
