package container_test

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestInit(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Process: container.ProcessConfig{Init: true}, Cmd: []string{"trap", "terminated"}})
	waitForLog(t, c, "ready")
	out, err := c.Command("/bin/testbox", "ps").Output(t.Context())
	require.NoError(t, err)
	assert.Contains(t, string(out), "1 /dev/caisson-init -- /bin/testbox trap terminated\n")
	require.NoError(t, c.Kill(t.Context(), "USR1"))
	waitForLog(t, c, "got user defined signal 1")
	require.NoError(t, c.Stop(t.Context(), container.StopOptions{}))
	st, err := c.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 42, st.ExitCode, "the stop signal reached the command, and its code is the container's")

	_, errs, st := run(t, e, container.Options{Process: container.ProcessConfig{Init: true}, Entrypoint: []string{"nope"}})
	assert.Equal(t, 127, st.ExitCode)
	assert.Contains(t, errs, "nope: no such command")
	out2, errs, st := run(t, e, container.Options{Process: container.ProcessConfig{Init: true}, ReadOnly: true, Entrypoint: []string{"testbox", "id"}})
	assert.Zero(t, st.ExitCode, errs)
	assert.Contains(t, out2, "0 0 ")
}

// TestInitReaps: what a command leaves behind and does not wait for, init does.
func TestInitReaps(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, init := range []bool{true, false} {
		c := start(t, e, container.Options{Process: container.ProcessConfig{Init: init}, Cmd: []string{"sleep", "1h"}})
		require.NoError(t, c.Command("/bin/testbox", "fork", "true").Run(t.Context()))
		want := "0 zombies\n"
		if !init {
			want = "1 zombies\n"
		}
		var told, asked atomic.Value // a failure says whether a count was wrong or did not come
		if !assert.Eventually(t, func() bool {
			asked.Store(time.Now())
			out, err := c.Command("/bin/testbox", "zombies").Output(t.Context())
			told.Store(fmt.Sprintf("%q, %v", out, err))
			return string(out) == want || err != nil
		}, time.Minute, 5*time.Millisecond) {
			t.Fatalf("init %v: last asked at %v, the answer before that: %v", init, asked.Load(), told.Load())
		}
		require.Equal(t, fmt.Sprintf("%q, %v", want, nil), told.Load())
	}
}

func TestInitUser(t *testing.T) {
	t.Parallel()
	testenv.ManyIDs(t)
	e := newEngine(t)
	out, errs, st := run(t, e, container.Options{Process: container.ProcessConfig{Init: true}, User: "alice", Cmd: []string{"id"}, Security: container.Security{CapDrop: []string{"ALL"}, NoNewPrivileges: true}})
	assert.Zero(t, st.ExitCode, errs)
	assert.Equal(t, "1000 1000 [1000 2000]\n", out)
}

// TestInitIsNotTheAgent: CVE-2019-5736 began with a process that opened the runtime's binary by /proc/PID/exe. What is
// found there is the container's own copy of init, and even root may not write it.
func TestInitIsNotTheAgent(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Process: container.ProcessConfig{Init: true}, Cmd: []string{"sleep", "1h"}})
	out, err := c.Command("/bin/testbox", "readlink", "/proc/1/exe").Output(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "/dev/caisson-init\n", string(out))
	out, err = c.Command("/bin/testbox", "write", "/proc/1/exe", "x").CombinedOutput(t.Context())
	require.Error(t, err)
	assert.Regexp(t, "text file busy|read-only file system|permission denied", string(out))
	info, err := c.Inspect(t.Context())
	require.NoError(t, err)
	if os.Geteuid() == 0 {
		st, err := os.Stat("/proc/" + itoa(info.PID) + "/exe")
		require.NoError(t, err)
		assert.Less(t, st.Size(), int64(12<<10))
	}
}

// BenchmarkLifecycleWithInit is BenchmarkLifecycle with an init.
func BenchmarkLifecycleWithInit(b *testing.B) {
	e := newEngine(b)
	for b.Loop() {
		c, err := e.Create(b.Context(), container.Options{Image: testImage, Cmd: []string{"true"}, Process: container.ProcessConfig{Init: true}})
		require.NoError(b, err)
		require.NoError(b, c.Start(b.Context()))
		_, err = c.Wait(b.Context())
		require.NoError(b, err)
		require.NoError(b, c.Remove(b.Context(), container.RemoveOptions{}))
	}
}
