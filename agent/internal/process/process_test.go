//go:build linux

package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// childEnv makes this test a process that waits for its end: as any, or without its first thread.
const childEnv = "CAISSON_TEST_PROCESS"

func init() {
	switch os.Getenv(childEnv) {
	case "whole":
		os.Stdout.Close()
		select {}
	case "traced":
		runtime.LockOSThread()
		os.Stdout.Close()
		_, _, _ = unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
		_, _, _ = unix.RawSyscall(unix.SYS_TGKILL, uintptr(os.Getpid()), uintptr(unix.Gettid()), uintptr(unix.SIGUSR1))
		select {}
	case "headless":
		runtime.LockOSThread() // the first thread: init functions run on it
		go func() {
			for stat := []byte{}; ; stat, _ = os.ReadFile("/proc/self/stat") {
				if _, between := parse(stat); between {
					os.Stdout.Close()
					time.Sleep(time.Hour)
				}
			}
		}()
		_, _, _ = unix.Syscall(unix.SYS_EXIT, 0, 0, 0) // of this thread alone
	}
}

// start runs a child, and returns when it is what it is to be.
func start(t *testing.T, kind string) (*Process, *exec.Cmd) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+kind)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it may have been waited for
	})
	p, err := Open(cmd.Process.Pid)
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	_, err = out.Read(make([]byte, 1)) // until it closes its output
	require.Error(t, err)
	return p, cmd
}

func ended(t *testing.T, p *Process) {
	t.Helper()
	require.Eventually(t, p.Ended, 10*time.Second, time.Millisecond)
}

// TestEnded: a process is over when it has ended, waited for or not.
func TestEnded(t *testing.T) {
	p, cmd := start(t, "whole")
	assert.False(t, p.Ended())
	require.NoError(t, p.Signal(unix.SIGKILL))
	ended(t, p)
	require.NoError(t, p.Signal(unix.SIGKILL), "one that has ended is no error")
	require.Error(t, cmd.Wait())
	assert.True(t, p.Ended())
	require.NoError(t, p.Signal(unix.SIGKILL), "one that is waited for, neither")

	other, _ := start(t, "whole")
	require.NoError(t, other.Close())
	assert.True(t, other.Ended(), "it is taken for over when the handle is gone")
	_, err := Open(1 << 30)
	require.Error(t, err)
}

// TestFirstThreadGone: a process without its first thread looks like a zombie, and lives.
func TestFirstThreadGone(t *testing.T) {
	p, cmd := start(t, "headless")
	assert.False(t, p.Ended())
	_, between := p.betweenPrograms()
	assert.True(t, between)
	calls := 0
	require.NoError(t, p.Settled(func() error {
		if calls++; calls < 20 {
			return fs.ErrPermission
		}
		return nil
	}))
	assert.Equal(t, 20, calls, "it is looked at again until it can be seen")
	require.NoError(t, p.Signal(unix.SIGTERM), "a signal reaches the whole process")
	ended(t, p)
	_, between = p.betweenPrograms()
	assert.False(t, between)
	require.Error(t, cmd.Wait())
}

// TestSettled: what fails with a process that is not between programs fails.
func TestSettled(t *testing.T) {
	p, _ := start(t, "whole")
	final := errors.New("final")
	for _, c := range []struct {
		name   string
		errs   []error // of the calls
		want   error
		called int
	}{
		{"at once", []error{nil}, nil, 1},
		{"a final error", []error{final}, final, 1},
		{"wraps a final error", []error{errors.Join(final)}, final, 1},
		{"second time", []error{fs.ErrPermission, nil}, nil, 2},
		{"again and again", []error{fs.ErrPermission, fs.ErrPermission, fs.ErrPermission, nil}, fs.ErrPermission, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			err := p.Settled(func() error {
				calls++
				return c.errs[calls-1]
			}, final)
			assert.ErrorIs(t, err, c.want)
			assert.Equal(t, c.called, calls)
		})
	}
	pid, err := Look(p, func(pid int) (int, error) { return pid, nil })
	require.NoError(t, err)
	assert.Equal(t, p.Pid, pid)
	require.NoError(t, p.Signal(unix.SIGKILL))
	ended(t, p)
	_, err = Look(p, func(int) (int, error) { return 0, fs.ErrNotExist })
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestParse(t *testing.T) {
	rest := " 1 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n"
	for _, c := range []struct {
		name, stat string
		start      uint64
		gone       bool
	}{
		{"running", "7 (a) R" + rest, 4711, false},
		{"zombie", "7 (a) Z" + rest, 4711, true},
		{"dead", "7 (a) X" + rest, 4711, true},
		{"a name with parentheses", "7 (a) Z (b)) S" + rest, 4711, false},
		{"short", "7 (a) Z 1", 0, false},
		{"empty", "", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			start, gone := parse([]byte(c.stat))
			assert.Equal(t, c.start, start)
			assert.Equal(t, c.gone, gone)
		})
	}
}

// TestTraced: the wait for a child that is traced returns when it stops. It has not ended, and a signal ends it.
func TestTraced(t *testing.T) {
	t.Parallel()
	p, _ := start(t, "traced")
	var info unix.Siginfo
	require.NoError(t, unix.Waitid(unix.P_PID, p.Pid, &info, unix.WEXITED|unix.WNOWAIT, nil))
	require.EqualValues(t, 4, info.Code, "CLD_TRAPPED: wait returns")
	assert.False(t, p.Ended())
	over := make(chan error, 1)
	go func() { over <- p.Await() }()
	select {
	case err := <-over:
		require.Fail(t, "it is taken for ended", "%v", err)
	case <-time.After(50 * time.Millisecond):
	}
	require.NoError(t, p.Signal(unix.SIGKILL))
	require.NoError(t, <-over)
	assert.True(t, p.Ended())
	p.Reap()
	p.Reap()
	require.ErrorIs(t, unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED, nil), unix.ECHILD, "it is reaped")
	require.NoError(t, p.Close())
	require.Error(t, p.Await(), "its handle is closed")
}

// TestThaw: a control group is thawed with all that are below it.
func TestThaw(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	below := filepath.Join(dir, "x", "y")
	require.NoError(t, os.MkdirAll(below, 0o700))
	for _, d := range []string{dir, below} {
		require.NoError(t, os.WriteFile(filepath.Join(d, "freezer.state"), []byte("FROZEN"), 0o600))
	}
	Thaw(dir)
	for _, d := range []string{dir, below} {
		b, err := os.ReadFile(filepath.Join(d, "freezer.state"))
		require.NoError(t, err)
		assert.Equal(t, "THAWED", string(b))
	}
	assert.NoFileExists(t, filepath.Join(dir, "x", "freezer.state"), "none is made")
	Thaw(filepath.Join(dir, "gone"))
}
