package container_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestTop(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	begin := time.Now()
	c := start(t, e, container.Options{Cmd: []string{"chain", "fork", "sleep", "77h", ";", "sleep", "1h"}})
	waitForLog(t, c, "\n") // the pid of the one that it left behind
	cmd := c.Command("/bin/testbox", "chain", "echo", "up", ";", "sleep", "78h")
	if !testenv.OneID() {
		cmd.User = "alice"
	}
	up := make(chan struct{})
	cmd.Stdout = &watcher{text: "up", found: func() { close(up) }}
	require.NoError(t, cmd.Start(ctx))
	<-up
	procs, err := c.Top(ctx)
	require.NoError(t, err)
	require.Len(t, procs, 3)
	init, forked, execed := procs[0], procs[1], procs[2]
	assert.Equal(t, 1, init.PID)
	assert.Equal(t, 0, init.ParentPID)
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, info.PID, init.HostPID)
	assert.Equal(t, []string{"/bin/testbox", "chain", "fork", "sleep", "77h", ";", "sleep", "1h"}, init.Command)
	assert.Equal(t, "root", init.User)
	assert.Equal(t, []string{"testbox", "sleep", "77h"}, forked.Command)
	assert.Equal(t, 1, forked.ParentPID)
	assert.Equal(t, 0, execed.ParentPID)
	if cmd.User != "" {
		assert.Equal(t, "alice", execed.User)
	}
	for _, p := range procs {
		assert.Positive(t, p.Memory)
		assert.Positive(t, p.Threads)
		assert.NotEmpty(t, p.State)
		assert.WithinDuration(t, begin, p.Started, 5*time.Second)
		assert.False(t, p.TTY)
	}
	require.NoError(t, c.Kill(ctx, ""))
	_, err = c.Wait(ctx)
	require.NoError(t, err)
	_, err = c.Top(ctx)
	require.ErrorIs(t, err, container.ErrNotRunning)
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	_, err = c.Top(ctx)
	require.ErrorIs(t, err, container.ErrNotFound)
}
