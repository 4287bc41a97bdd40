package container_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestStopSignal: Stop begins with the options' signal, else with the image's.
func TestStopSignal(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	const name = "localhost/stopsignal:1"
	buildImage(t, e.Store(), name, dockerfile+"STOPSIGNAL SIGUSR2\n")
	for _, tc := range []struct {
		name string
		opts container.Options
		got  string
	}{
		{"options", container.Options{Lifecycle: container.LifecycleConfig{StopSignal: "HUP"}}, "hangup"},
		{"number", container.Options{Lifecycle: container.LifecycleConfig{StopSignal: "10"}}, "user defined signal 1"},
		{"real time", container.Options{Lifecycle: container.LifecycleConfig{StopSignal: "SIGRTMIN+3"}}, "signal 37"},
		{"image", container.Options{Image: name}, "user defined signal 2"},
		{"options before image", container.Options{Image: name, Lifecycle: container.LifecycleConfig{StopSignal: "SIGINT"}}, "interrupt"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.opts.Cmd, tc.opts.Network, tc.opts.Lifecycle.StopTimeout = []string{"trap", tc.got}, container.NetworkNone, time.Minute
			c := start(t, e, tc.opts)
			waitForLog(t, c, "ready")
			require.NoError(t, c.Stop(ctx, container.StopOptions{}))
			st, err := c.Wait(ctx)
			require.NoError(t, err)
			assert.Equal(t, 42, st.ExitCode, "it ended by itself")
			waitForLog(t, c, "got "+tc.got+"\n")
		})
	}
}

// TestStopTimeout: what does not heed the signal is killed when the container's time is over.
func TestStopTimeout(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{Cmd: []string{"trap", "never"}, Network: container.NetworkNone, Lifecycle: container.LifecycleConfig{StopTimeout: time.Second}})
	waitForLog(t, c, "ready")
	begin := time.Now()
	require.NoError(t, c.Stop(ctx, container.StopOptions{}))
	took := time.Since(begin)
	assert.GreaterOrEqual(t, took, time.Second)
	assert.Less(t, took, 9500*time.Millisecond, "and not after the default ten seconds")
	st, err := c.Wait(ctx)
	require.NoError(t, err)
	assert.Equal(t, "SIGKILL", st.Signal)
	assert.Equal(t, 137, st.ExitCode)
	waitForLog(t, c, "got terminated\n")
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, time.Second, info.Options.Lifecycle.StopTimeout)
}
