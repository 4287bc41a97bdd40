//go:build linux

package container_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

// startTraced starts a container whose first process is traced and has stopped, and cleared its parent-death signal.
func startTraced(t *testing.T, mark string) *container.Container {
	t.Helper()
	c := start(t, newEngine(t), container.Options{Cmd: []string{"traced", mark}})
	require.Eventually(t, func() bool { return tracedWith(mark) == 1 }, 30*time.Second, 5*time.Millisecond)
	return c
}

// TestTraced: a container whose process is traced has not ended, although its parent's wait has returned. It can be
// killed, stopped and removed.
func TestTraced(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*container.Container) error{
		"kill": func(c *container.Container) error { return c.Kill(t.Context(), "") },
		"stop": func(c *container.Container) error {
			return c.Stop(t.Context(), container.StopOptions{Timeout: time.Millisecond})
		},
		"remove": func(c *container.Container) error { return c.Remove(t.Context(), container.RemoveOptions{Force: true}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := "container-" + name
			c := startTraced(t, mark)
			info, err := c.Inspect(t.Context())
			require.NoError(t, err)
			assert.Equal(t, container.StatusRunning, info.State.Status)
			require.NoError(t, end(c))
			if name == "kill" {
				st, err := c.Wait(t.Context())
				require.NoError(t, err)
				assert.Equal(t, "SIGKILL", st.Signal)
			}
			assert.Zero(t, tracedWith(mark))
		})
	}
}

// TestTracedCommand: a command that is traced runs until it is killed.
func TestTracedCommand(t *testing.T) {
	t.Parallel()
	c := start(t, newEngine(t), container.Options{Cmd: []string{"sleep", "1000h"}})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := c.Command("/bin/testbox", "traced", "command")
	cmd.Stdout = io.Discard
	require.NoError(t, cmd.Start(ctx))
	require.Eventually(t, func() bool { return tracedWith("command") == 1 }, 30*time.Second, 5*time.Millisecond)
	cancel()
	require.Error(t, cmd.Wait())
	require.Eventually(t, func() bool { return tracedWith("command") == 0 }, 30*time.Second, 5*time.Millisecond)
}

// TestTracedStep: a step that is traced does not outlive its build.
func TestTracedStep(t *testing.T) {
	t.Parallel()
	newEngine(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := shared.store.Build(ctx, image.BuildOptions{
		DockerfileText: "FROM " + testImage + "\nRUN [\"/bin/testbox\", \"traced\", \"step\"]\n",
		Progress: func(ev image.BuildEvent) {
			if bytes.HasPrefix(ev.Output, []byte("traced")) {
				cancel()
			}
		},
	})
	require.Error(t, err, "it is cancelled, or the step is ended since it has stopped")
	require.Eventually(t, func() bool { return tracedWith("step") == 0 }, 30*time.Second, 5*time.Millisecond)
}

// tracedWith counts the stopped processes of the tests' userland that are traced with this mark. A zombie has no command line.
func tracedWith(mark string) (n int) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err != nil || !strings.HasSuffix(string(line), fmt.Sprintf("traced\x00%s\x00", mark)) {
			continue
		}
		if stat, err := os.ReadFile(filepath.Join(filepath.Dir(f), "stat")); err == nil && bytes.Contains(stat, []byte(") t ")) {
			n++
		}
	}
	return n
}
