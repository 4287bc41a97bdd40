//go:build unix

package flock_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/flock"
)

// TestMain is also the other process of the tests: it takes a lock, says so, and holds it until its input ends.
func TestMain(m *testing.M) {
	switch os.Getenv("FLOCK_TEST") {
	case "hold":
		mode := flock.Exclusive
		if os.Getenv("FLOCK_TEST_MODE") == "shared" {
			mode = flock.Shared
		}
		if _, err := flock.Acquire(context.Background(), os.Getenv("FLOCK_TEST_PATH"), mode); err != nil {
			panic(err)
		}
		fmt.Println("locked")
	case "inherit":
		l := flock.Inherit(3)
		fmt.Println("locked")
		defer l.Unlock()
	default:
		os.Exit(m.Run())
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

type other struct {
	*exec.Cmd
	stdin io.WriteCloser
}

// start starts another process that has the lock when start returns.
func start(t *testing.T, files []*os.File, env ...string) *other {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), env...)
	cmd.ExtraFiles = files
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked\n", line)
	return &other{cmd, stdin}
}

func hold(t *testing.T, path, mode string) *other {
	return start(t, nil, "FLOCK_TEST=hold", "FLOCK_TEST_PATH="+path, "FLOCK_TEST_MODE="+mode)
}

func lockPath(t *testing.T) string { return filepath.Join(t.TempDir(), "lock") }

func try(t *testing.T, path string, m flock.Mode) *flock.Lock {
	t.Helper()
	l, err := flock.Try(path, m)
	require.NoError(t, err)
	return l
}

func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		has  string
		want flock.Mode
		free bool
	}{
		{"exclusive", flock.Exclusive, false},
		{"exclusive", flock.Shared, false},
		{"shared", flock.Exclusive, false},
		{"shared", flock.Shared, true},
	} {
		path := lockPath(t)
		holder := hold(t, path, c.has)
		l := try(t, path, c.want)
		assert.Equal(t, c.free, l != nil, "held %s, wanted %d", c.has, c.want)
		if l != nil {
			l.Unlock()
		}
		require.NoError(t, holder.stdin.Close())
		l, err := flock.Acquire(t.Context(), path, flock.Exclusive)
		require.NoError(t, err)
		l.Unlock()
	}
}

// TestHoldersOfOneProcess: each call is a holder of its own.
func TestHoldersOfOneProcess(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	first := try(t, path, flock.Exclusive)
	require.NotNil(t, first)
	assert.Nil(t, try(t, path, flock.Shared))
	first.Unlock()
	second := try(t, path, flock.Shared)
	require.NotNil(t, second)
	second.Unlock()
}

func TestKilledHolder(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := hold(t, path, "exclusive")
	got := make(chan error)
	go func() {
		l, err := flock.Acquire(context.Background(), path, flock.Exclusive)
		if err == nil {
			l.Unlock()
		}
		got <- err
	}()
	require.NoError(t, holder.Process.Kill())
	require.NoError(t, <-got)
}

// TestCancel: the call returns the cause, and what waits in the kernel gives the lock back when it gets it.
func TestCancel(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := try(t, path, flock.Exclusive)
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	got := make(chan error)
	go func() {
		_, err := flock.Acquire(ctx, path, flock.Exclusive)
		got <- err
	}()
	cancel(enough)
	require.ErrorIs(t, <-got, enough)
	holder.Unlock()
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	l, err := flock.Acquire(ctx, path, flock.Exclusive)
	require.NoError(t, err)
	l.Unlock()
}

// TestReplaced: who waited for a file that was removed meanwhile locks the one that is there now.
func TestReplaced(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := try(t, path, flock.Exclusive)
	type result struct {
		l   *flock.Lock
		err error
	}
	got := make(chan result)
	go func() {
		l, err := flock.Acquire(context.Background(), path, flock.Exclusive)
		got <- result{l, err}
	}()
	require.NoError(t, os.Remove(path))
	holder.Unlock()
	r := <-got
	require.NoError(t, r.err)
	assert.Nil(t, try(t, path, flock.Shared), "the lock is on the file that path names")
	r.l.Unlock()
}

func TestInherit(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := try(t, path, flock.Exclusive)
	heir := start(t, []*os.File{l.File()}, "FLOCK_TEST=inherit")
	l.Unlock()
	assert.Nil(t, try(t, path, flock.Shared), "the other process has it")
	require.NoError(t, heir.stdin.Close())
	l, err := flock.Acquire(t.Context(), path, flock.Exclusive)
	require.NoError(t, err)
	l.Unlock()
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	a, b := try(t, path, flock.Shared), try(t, path, flock.Shared)
	assert.False(t, a.Upgrade(), "b has it too")
	b.Unlock()
	assert.True(t, a.Upgrade())
	assert.Nil(t, try(t, path, flock.Shared))
	a.Unlock()
}

func TestOpenFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	f, err := os.Create(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, flock.WaitFile(f, flock.Exclusive))
	assert.Nil(t, try(t, path, flock.Shared))
	require.NoError(t, flock.UnlockFile(f))
	l := try(t, path, flock.Exclusive)
	require.NotNil(t, l)
	ok, err := flock.TryFile(f, flock.Shared)
	require.NoError(t, err)
	assert.False(t, ok)
	l.Unlock()
	require.Eventually(t, func() bool { // a process that another test is just starting may have the file for a moment
		ok, err := flock.TryFile(f, flock.Shared)
		return ok && err == nil
	}, time.Minute, time.Millisecond)
}

func TestErrorsNameTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "missing", "lock")
	_, err := flock.Try(path, flock.Exclusive)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, path)
	f, err := os.Create(lockPath(t))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.ErrorContains(t, flock.WaitFile(f, flock.Shared), f.Name())
}
