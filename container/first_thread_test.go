//go:build linux

package container_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// TestFirstThreadGone: a process that lives on without its first thread looks like a zombie. A signal reaches it all the
// same.
func TestFirstThreadGone(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{Cmd: []string{"leaderless"}})
	require.NoError(t, c.Start(t.Context()))
	for line, err := range c.LogEntries(t.Context(), container.LogsOptions{Follow: true}) {
		require.NoError(t, err)
		require.Contains(t, line.Line, "leaderless")
		break
	}
	require.NoError(t, c.Kill(t.Context(), ""))
	st, err := c.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "SIGKILL", st.Signal)
}

// TestExecuteFromAnotherThread: while a process executes a program from a thread that isn't its first, as Go's
// syscall.Exec may, nothing that is done in the container fails by it.
func TestExecuteFromAnotherThread(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{Cmd: []string{"restless", "10000"}})
	require.NoError(t, c.Start(t.Context()))
	for range 15 {
		require.NoError(t, c.WriteFile(t.Context(), "/data/f", []byte("f"), 0o644, container.CopyOptions{}))
		_, err := c.Top(t.Context())
		require.NoError(t, err)
		require.NoError(t, c.Command("/bin/testbox", "true").Run(t.Context()))
	}
	require.NoError(t, c.Kill(t.Context(), ""))
	st, err := c.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "SIGKILL", st.Signal, "it ran all the time")
}

// TestCancelStepWithoutFirstThread: a build that is cancelled ends such a process, too.
func TestCancelStepWithoutFirstThread(t *testing.T) {
	t.Parallel()
	newEngine(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := shared.store.Build(ctx, image.BuildOptions{
		DockerfileText: "FROM " + testImage + "\nRUN [\"/bin/testbox\", \"leaderless\"]\n",
		Progress: func(ev image.BuildEvent) {
			if bytes.HasPrefix(ev.Output, []byte("leaderless")) {
				cancel()
			}
		},
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { return leaderless(t) == 0 }, 30*time.Second, 20*time.Millisecond)
}

// leaderless counts the processes of the tests' userland that live without their first thread.
func leaderless(t *testing.T) (n int) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, f := range files {
		stat, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(stat, []byte("(testbox) Z ")) {
			continue // ended meanwhile, or another
		}
		if tasks, err := os.ReadDir(filepath.Join(filepath.Dir(f), "task")); err == nil && len(tasks) > 1 {
			n++
		}
	}
	return n
}
