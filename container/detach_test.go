//go:build linux

package container_test

import (
	"bytes"
	"context"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// openEngine opens a store again, as another process would, and closes it with the test.
func openEngine(t testing.TB, root string) *container.Engine {
	t.Helper()
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	e, err := container.NewEngine(store, container.EngineOptions{})
	require.NoError(t, err)
	return e
}

func TestDetachedOutlivesItsCreator(t *testing.T) {
	root, before := killStore(t)
	cmd := startChild(t, root, "detach")
	e := openEngine(t, root)
	ctx := t.Context()
	var c *container.Container
	require.Eventually(t, func() bool {
		var err error
		c, err = e.Get(ctx, "detached")
		if err != nil {
			return false
		}
		info, err := c.Inspect(ctx)
		return err == nil && info.State.Status == container.StatusRunning
	}, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	waitForLog(t, c, "ready")
	require.Eventually(t, func() bool {
		infos, err := e.List(ctx, container.ListOptions{All: true})
		return err == nil && len(infos) == 1
	}, time.Minute, 5*time.Millisecond, "the others went with their creator")
	_, err := e.Get(ctx, "second")
	require.ErrorIs(t, err, container.ErrNotFound)

	// Everything works from a process that did not make it.
	out, err := c.Command("/bin/testbox", "echo", "hello").Output(ctx)
	require.NoError(t, err)
	assert.Equal(t, "hello\n", string(out))
	var attached bytes.Buffer
	att, err := c.Attach(ctx, container.AttachOptions{Stdout: &attached})
	require.NoError(t, err)
	require.NoError(t, c.Kill(ctx, "SIGUSR1"))
	waitForLog(t, c, "got user defined signal 1")
	require.ErrorIs(t, c.Remove(ctx, container.RemoveOptions{}), container.ErrRunning)
	require.NoError(t, c.Stop(ctx, container.StopOptions{}))
	st, err := c.Wait(ctx)
	require.NoError(t, err)
	assert.Equal(t, 42, st.ExitCode)
	st, err = att.Wait()
	require.NoError(t, err)
	assert.Equal(t, 42, st.ExitCode)
	assert.Equal(t, "got user defined signal 1\ngot terminated\n", attached.String())

	require.NoError(t, c.Start(ctx), "it starts again, in an agent of its own")
	waitForLog(t, c, "ready\ngot user defined signal 1\ngot terminated\nready\n")
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}

func TestDetachedAgentKilled(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	root, before := killStore(t)
	e := openEngine(t, root)
	ctx := t.Context()
	c, err := e.Start(ctx, container.Options{Image: testImage, Cmd: []string{"sleep", "1000h", root}, Detach: true})
	require.NoError(t, err)
	require.NoError(t, c.Command("/bin/testbox", "write", "/work/file", "kept").Run(ctx))
	agents := 0
	for _, pid := range processesOf(t, root) {
		env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		if err != nil {
			continue // the container's process, which died with its agent
		}
		if strings.Contains(string(env), `"role":"detached"`) {
			p, err := os.FindProcess(pid)
			require.NoError(t, err)
			require.NoError(t, p.Kill())
			agents++
		}
	}
	require.Equal(t, 1, agents)
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	require.Eventually(t, func() bool {
		st, err := c.Wait(wait)
		return err == nil && st.ExitCode == 137
	}, time.Minute, time.Millisecond)
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusExited, info.State.Status)
	require.NoError(t, c.Start(ctx), "it starts again, with its data")
	out, err := c.Command("/bin/testbox", "cat", "/work/file").Output(ctx)
	require.NoError(t, err)
	assert.Equal(t, "kept", string(out))
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
	require.NoError(t, e.Store().Close())
	settles(t, root, before)
}

func TestDetachedAttachThenStart(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Cmd: []string{"cat"}, Stdin: true, Detach: true, AutoRemove: true})
	var out bytes.Buffer
	att, err := c.Attach(ctx, container.AttachOptions{Stdin: strings.NewReader("to and fro"), Stdout: &out})
	require.NoError(t, err)
	require.NoError(t, c.Start(ctx))
	st, err := att.Wait()
	require.NoError(t, err)
	assert.Zero(t, st.ExitCode)
	assert.Equal(t, "to and fro", out.String())
	_, err = c.Inspect(ctx)
	require.ErrorIs(t, err, container.ErrNotFound)
}

// TestDetachedStartedTwice: of requests that start a detached container at the same moment one does, and the others hear that
// it runs. They waited for its lock, which the agent that it got keeps as long as it lives.
func TestDetachedStartedTwice(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for range 3 {
		c := create(t, e, container.Options{Detach: true, Cmd: []string{"sleep", "1h"}, Network: container.NetworkNone})
		errs := make(chan error)
		for range 3 {
			go func() { errs <- c.Start(t.Context()) }()
		}
		started := 0
		for range 3 {
			if err := <-errs; err == nil {
				started++
			} else {
				assert.ErrorIs(t, err, container.ErrRunning)
			}
		}
		assert.Equal(t, 1, started)
		require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
	}
}
