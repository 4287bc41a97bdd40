//go:build linux

package container_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestRestartOnFailure(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"times", "/work/n", "3"}, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartOnFailure}}})
	begin := time.Now()
	st, err := c.Wait(soon(t))
	require.NoError(t, err)
	assert.Zero(t, st.ExitCode, "a success is the end")
	assert.GreaterOrEqual(t, time.Since(begin), 300*time.Millisecond, "100 ms and then 200")
	info, err := c.Inspect(t.Context())
	require.NoError(t, err)
	assert.Equal(t, container.StatusExited, info.State.Status)
	assert.Equal(t, 2, info.Restarts)
	waitForLog(t, c, "run 1\nrun 2\nrun 3\n")

	c = start(t, e, container.Options{Cmd: []string{"exit", "4"}, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartOnFailure, MaxRetries: 2}}})
	st, err = c.Wait(soon(t))
	require.NoError(t, err)
	assert.Equal(t, 4, st.ExitCode)
	info, err = c.Inspect(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 2, info.Restarts)
	require.NoError(t, c.Start(t.Context()), "by hand it starts again")
	info, err = c.Inspect(t.Context())
	require.NoError(t, err)
	assert.Zero(t, info.Restarts, "and counts anew")
	_, err = c.Wait(soon(t))
	require.NoError(t, err)
}

// TestUpdateRestart: the policy of a container that runs, of one that waits for its restart, and of one that has ended.
func TestUpdateRestart(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	e := newEngine(t)
	ctx := t.Context()
	to := func(mode container.RestartMode, retries int) container.UpdateOptions {
		return container.UpdateOptions{Restart: container.RestartPolicy{Mode: mode, MaxRetries: retries}}
	}
	c := start(t, e, container.Options{Cmd: []string{"trap", "hangup"}, Network: container.NetworkNone})
	waitForLog(t, c, "ready")
	for field, wrong := range map[string]container.UpdateOptions{
		"UpdateOptions.Restart.Mode": to("sometimes", 0), "UpdateOptions.Restart.MaxRetries": to(container.RestartAlways, 3), "MaxRetries": to("", 3),
	} {
		err := c.Update(ctx, wrong)
		require.ErrorIs(t, err, container.ErrInvalidArgument)
		require.ErrorContains(t, err, field)
	}
	require.NoError(t, c.Update(ctx, to(container.RestartOnFailure, 5)))
	require.NoError(t, c.Kill(ctx, "HUP"), "it ends by itself")
	info := restarted(t, c, 1)
	assert.Equal(t, container.RestartPolicy{Mode: container.RestartOnFailure, MaxRetries: 5}, info.Options.Lifecycle.Restart)
	waitForLog(t, c, "got hangup\nready\n")
	require.NoError(t, c.Update(ctx, to(container.RestartNo, 0)))
	require.NoError(t, c.Kill(ctx, "HUP"))
	_, err := c.Wait(soon(t))
	require.NoError(t, err)

	c = start(t, e, container.Options{Cmd: []string{"exit", "4"}, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}, Network: container.NetworkNone})
	require.Eventually(t, func() bool {
		info, err := c.Inspect(ctx)
		require.NoError(t, err)
		return info.Restarts >= 3 && info.State.Status == container.StatusRestarting // for 800 ms
	}, time.Minute, time.Millisecond)
	require.NoError(t, c.Update(ctx, to(container.RestartNo, 0)))
	st, err := c.Wait(soon(t))
	require.NoError(t, err, "what was due is called off")
	assert.Equal(t, 4, st.ExitCode)
	require.NoError(t, c.Update(ctx, to(container.RestartOnFailure, 1)))
	require.NoError(t, c.Start(ctx))
	_, err = c.Wait(soon(t))
	require.NoError(t, err)
	info, err = c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, 1, info.Restarts, "by the new policy")

	leaves := create(t, e, container.Options{AutoRemove: true})
	err = leaves.Update(ctx, to(container.RestartAlways, 0))
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	require.ErrorContains(t, err, "AutoRemove")
}

// restarted waits until a container was started again so often.
func restarted(t testing.TB, c *container.Container, n int) *container.Info {
	t.Helper()
	var info *container.Info
	require.Eventually(t, func() bool {
		var err error
		info, err = c.Inspect(t.Context())
		require.NoError(t, err)
		return info.Restarts >= n
	}, 20*time.Second, time.Millisecond)
	return info
}

func TestRestartAlways(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, mode := range []container.RestartMode{container.RestartAlways, container.RestartUnlessStopped} {
		c := start(t, e, container.Options{Cmd: []string{"true"}, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: mode}}})
		restarted(t, c, 2)
		require.NoError(t, c.Stop(t.Context(), container.StopOptions{}))
		_, err := c.Wait(soon(t))
		require.NoError(t, err)
		info, err := c.Inspect(t.Context())
		require.NoError(t, err)
		assert.Equal(t, container.StatusExited, info.State.Status, "Stop ends it")
	}
}

func TestRestartAfterKill(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"trap", "hangup"}, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}})
	waitForLog(t, c, "ready")
	require.NoError(t, c.Kill(t.Context(), "HUP"), "it ends by itself")
	restarted(t, c, 1)
	waitForLog(t, c, "got hangup\nready\n")
	require.NoError(t, c.Kill(t.Context(), "KILL"), "it was ended")
	st, err := c.Wait(soon(t))
	require.NoError(t, err)
	assert.Equal(t, "SIGKILL", st.Signal)
}

func TestRestartWhileWaiting(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"exit", "1"}, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}})
	restarted(t, c, 5) // the next one is three seconds away
	require.Eventually(t, func() bool {
		info, err := c.Inspect(t.Context())
		require.NoError(t, err)
		return info.State.Status == container.StatusRestarting
	}, 20*time.Second, time.Millisecond)
	require.ErrorIs(t, c.Command("/bin/testbox", "true").Run(t.Context()), container.ErrNotRunning)
	require.ErrorIs(t, c.Start(t.Context()), container.ErrRunning)
	require.ErrorIs(t, c.Remove(t.Context(), container.RemoveOptions{}), container.ErrRunning)
	att, err := c.Attach(t.Context(), container.AttachOptions{})
	require.NoError(t, err)
	begin := time.Now()
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
	assert.Less(t, time.Since(begin), 2500*time.Millisecond, "the pause is called off")
	st, err := att.Wait()
	require.NoError(t, err)
	assert.Equal(t, 1, st.ExitCode)
}

// TestRestartLogs: who follows the log follows it through restarts, as in Docker.
func TestRestartLogs(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"times", "/work/n", "3"}, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartOnFailure}}})
	var out strings.Builder
	require.NoError(t, c.Logs(soon(t), container.LogsOptions{Stdout: &out, Follow: true}))
	assert.Equal(t, "run 1\nrun 2\nrun 3\n", out.String())
}

func TestRestartByHand(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"trap", "terminated"}})
	waitForLog(t, c, "ready")
	before, err := c.Inspect(t.Context())
	require.NoError(t, err)
	require.NoError(t, c.Restart(t.Context(), container.StopOptions{}))
	waitForLog(t, c, "ready\ngot terminated\nready\n")
	after, err := c.Inspect(t.Context())
	require.NoError(t, err)
	assert.Equal(t, container.StatusRunning, after.State.Status)
	assert.NotEqual(t, before.PID, after.PID)
	require.NoError(t, c.Stop(t.Context(), container.StopOptions{}))
	require.NoError(t, c.Restart(t.Context(), container.StopOptions{}), "one that does not run is started")
	require.NoError(t, c.Restart(t.Context(), container.StopOptions{Signal: "KILL"}))
}

func TestRestartDetached(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	root, before := killStore(t)
	e := openEngine(t, root)
	c, err := e.Start(t.Context(), container.Options{
		Image: testImage, Cmd: []string{"times", "/work/n", "3"}, Detach: true, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartOnFailure}},
	})
	require.NoError(t, err)
	st, err := c.Wait(soon(t))
	require.NoError(t, err)
	assert.Zero(t, st.ExitCode)
	require.NoError(t, c.Restart(t.Context(), container.StopOptions{}), "in an agent of its own again")
	_, err = c.Wait(soon(t))
	require.NoError(t, err)
	waitForLog(t, c, "run 4\n")
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{}))
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}

// TestRestartEndsWithItsOwner: a policy outlives nobody.
func TestRestartEndsWithItsOwner(t *testing.T) {
	t.Parallel()
	root, before := killStore(t)
	cmd := startChild(t, root, "restart")
	e := openEngine(t, root)
	var c *container.Container
	require.Eventually(t, func() bool {
		var err error
		c, err = e.Get(t.Context(), "again")
		return err == nil
	}, 20*time.Second, time.Millisecond)
	restarted(t, c, 2)
	require.NoError(t, cmd.Process.Signal(os.Kill))
	_ = cmd.Wait() // killed
	require.Eventually(t, func() bool {
		_, err := e.Get(t.Context(), "again")
		return errors.Is(err, container.ErrNotFound)
	}, 20*time.Second, time.Millisecond)
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}

func TestRestartErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for text, opts := range map[string]container.Options{
		`Options.Lifecycle.Restart.Mode "often"`:  {Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: "often"}}},
		"Options.Lifecycle.Restart.MaxRetries 3":  {Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways, MaxRetries: 3}}},
		"Options.Lifecycle.Restart.MaxRetries -1": {Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartOnFailure, MaxRetries: -1}}},
		"Options.AutoRemove and Restart":          {AutoRemove: true, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}},
	} {
		t.Run(text, func(t *testing.T) {
			opts.Image = testImage
			_, err := e.Create(t.Context(), opts)
			require.ErrorIs(t, err, container.ErrInvalidArgument)
			assert.ErrorContains(t, err, text)
		})
	}
}

// TestRestartAutoRemoved: a restart is not the end that removes the container.
func TestRestartAutoRemoved(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, AutoRemove: true})
	for range 2 {
		require.NoError(t, c.Restart(t.Context(), container.StopOptions{Timeout: -1, Signal: "KILL"}))
		info, err := c.Inspect(t.Context())
		require.NoError(t, err)
		assert.Equal(t, container.StatusRunning, info.State.Status)
	}
	require.NoError(t, c.Kill(t.Context(), ""))
	if _, err := c.Wait(t.Context()); err != nil {
		require.ErrorIs(t, err, container.ErrNotFound, "it is gone by now")
	}
	_, err := e.Get(t.Context(), c.ID())
	require.ErrorIs(t, err, container.ErrNotFound)
}
