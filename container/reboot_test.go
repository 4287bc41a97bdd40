//go:build linux

package container_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// powerCut does to a store what a restart of the machine does: all processes go at once, and so do the files of the run
// root, which lies in memory.
func powerCut(t testing.TB, pids []int) {
	t.Helper()
	runRoot := runRootOf(t, pids)
	for _, pid := range pids {
		p, err := os.FindProcess(pid)
		require.NoError(t, err)
		_ = p.Kill() // it may have died with its agent
	}
	for _, pid := range pids {
		require.Eventually(t, func() bool {
			_, err := os.Stat("/proc/" + strconv.Itoa(pid) + "/root/.")
			return err != nil
		}, 10*time.Second, time.Millisecond)
	}
	require.NoError(t, os.RemoveAll(runRoot))
}

// runRootOf asks the agents among a store's processes where its run root is.
func runRootOf(t testing.TB, pids []int) string {
	t.Helper()
	runRoot := ""
	for _, pid := range pids {
		env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
		if err != nil {
			continue // a container's process, which died with its agent
		}
		for kv := range strings.SplitSeq(string(env), "\x00") {
			if text, ok := strings.CutPrefix(kv, api.EnvConfig+"="); ok {
				var cfg api.Config
				require.NoError(t, json.Unmarshal([]byte(text), &cfg))
				runRoot = cfg.RunRoot
			}
		}
	}
	require.NotEmpty(t, runRoot)
	return runRoot
}

// TestMachineRestart: a detached container is exited afterwards, has its data, and starts again; its restart policy went
// with its agent.
func TestMachineRestart(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	root, before := killStore(t)
	e := openEngine(t, root)
	volume := []container.Mount{{Type: container.MountVolume, Source: "kept", Target: "/vol"}}
	c, err := e.Start(t.Context(), container.Options{
		Image: testImage, Name: "survivor", Cmd: []string{"sleep", "1000h", root}, Detach: true, Mounts: volume, Process: container.ProcessConfig{Init: true},
		Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}, Health: container.HealthConfig{Test: []string{"CMD", "/bin/testbox", "true"}},
	})
	require.NoError(t, err)
	require.NoError(t, c.Command("/bin/testbox", "chain", "write", "/work/file", "data", ";", "write", "/vol/file", "more").Run(t.Context()))
	require.NoError(t, e.Store().Close())
	require.Eventually(t, func() bool { // the owner's agent has left
		return len(agentsOf(t, root)) == 1
	}, 10*time.Second, time.Millisecond)
	powerCut(t, processesOf(t, root))

	e = openEngine(t, root)
	c, err = e.Get(t.Context(), "survivor")
	require.NoError(t, err)
	info, err := c.Inspect(t.Context())
	require.NoError(t, err)
	assert.Equal(t, container.StatusExited, info.State.Status)
	assert.Equal(t, 137, info.State.ExitCode)
	assert.NotEmpty(t, info.State.Error)
	assert.Zero(t, info.PID)
	st, err := c.Wait(soon(t))
	require.NoError(t, err)
	assert.Equal(t, 137, st.ExitCode)
	require.NoError(t, c.Start(t.Context()))
	out, err := c.Command("/bin/testbox", "cat", "/work/file", "/vol/file").Output(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "datamore", string(out))
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
	require.NoError(t, e.Store().Close())
	before.Volumes++ // the named one stays
	settles(t, root, before)
}
