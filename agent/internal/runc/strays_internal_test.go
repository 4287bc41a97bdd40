//go:build linux

package runc

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestWithoutStrays: of a start that failed, the stages that it left are ended and reaped, and nothing else is.
func TestWithoutStrays(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := sleeper(t, "runc:[1:CHILD]")
	if !children()[before] {
		t.Skip("the kernel does not tell a thread's children: CONFIG_PROC_CHILDREN is not set")
	}
	failed := errors.New("failed")
	var stage, other int
	start := func(err error) func() error {
		return func() error {
			stage, other = sleeper(t, "runc:[2:INIT]"), sleeper(t, "another")
			return err
		}
	}
	require.NoError(t, withoutStrays(start(nil)))
	assert.Equal(t, []bool{true, true}, []bool{children()[stage], children()[other]}, "a start that succeeded keeps all")
	require.Equal(t, failed, withoutStrays(start(failed)))
	assert.Equal(t, []bool{false, true}, []bool{children()[stage], children()[other]})
	assert.True(t, children()[before], "what was there before the start is none of its own")
	_, err := unix.Wait4(stage, nil, 0, nil)
	assert.Equal(t, unix.ECHILD, err, "it is reaped")
}

// sleeper starts a process with a name from this thread.
func sleeper(t *testing.T, name string) int {
	t.Helper()
	sleep := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Symlink("/bin/sleep", sleep))
	p, err := os.StartProcess(sleep, []string{"sleep", "1000"}, &os.ProcAttr{})
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = p.Kill()
		_, _ = p.Wait() // it may be reaped
	})
	return p.Pid
}
