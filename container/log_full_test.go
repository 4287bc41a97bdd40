//go:build linux

package container_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
)

// TestLogOnAFullDisk: a container whose log can't be written goes on, State says how much the log lacks, and what comes
// once there is room is in the log again.
func TestLogOnAFullDisk(t *testing.T) {
	onSmallDisks(t, func(t *testing.T, root string) {
		ctx := t.Context()
		e := openEngine(t, root)
		c, err := e.Start(ctx, container.Options{Image: testImage, Stdin: true, Cmd: []string{"upper"}, Network: container.NetworkNone})
		require.NoError(t, err)
		in, typed := io.Pipe()
		att, err := c.Attach(ctx, container.AttachOptions{Stdin: in})
		require.NoError(t, err)
		say := func(line string) {
			t.Helper()
			_, err := io.WriteString(typed, line+"\n")
			require.NoError(t, err)
		}
		lost := func() int64 {
			info, err := c.Inspect(ctx)
			require.NoError(t, err)
			return info.State.LogLost
		}
		filler := filepath.Join(filepath.Dir(root), "filler")
		fill(t, filler)
		require.Zero(t, lost())
		long := strings.Repeat("x", 16<<10)
		require.Eventually(t, func() bool { // what the log's last block has room for is not lost
			say(long)
			return lost() > 0
		}, time.Minute, time.Millisecond)
		require.NoError(t, os.Remove(filler))
		require.Eventually(t, func() bool {
			say("after")
			var out bytes.Buffer
			require.NoError(t, c.Logs(ctx, container.LogsOptions{Stdout: &out}))
			return strings.Contains(out.String(), "AFTER\n")
		}, time.Minute, time.Millisecond)
		require.NoError(t, typed.Close())
		_, err = att.Wait()
		require.NoError(t, err)
		st, err := c.Wait(ctx)
		require.NoError(t, err)
		assert.Zero(t, st.ExitCode, "it was not held up")
		assert.Positive(t, st.LogLost)
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
		require.NoError(t, e.Store().Close())
	})
}

// fill takes all the room of a file system.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; {
		_, err := f.Write(make([]byte, size))
		if errors.Is(err, unix.ENOSPC) {
			size /= 2
			continue
		}
		require.NoError(t, err)
	}
}
