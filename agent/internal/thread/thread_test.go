//go:build linux

package thread_test

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/thread"
)

func TestRun(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	require.ErrorIs(t, thread.Run(func() error { return boom }), boom)
	seen := map[int]bool{}
	for range 50 {
		require.NoError(t, thread.Run(func() error {
			seen[unix.Gettid()] = true
			return nil
		}))
	}
	assert.NotContains(t, seen, os.Getpid(), "the main thread is never taken")
}

func TestRunApart(t *testing.T) {
	t.Parallel()
	before, err := os.Getwd()
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, thread.RunApart(func() error { return unix.Chdir(dir) }))
	for range 50 {
		require.NoError(t, thread.Run(func() error {
			b := make([]byte, unix.PathMax)
			n, err := unix.Getcwd(b)
			assert.Equal(t, before, string(b[:n-1]))
			return err
		}))
	}
}
