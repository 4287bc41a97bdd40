//go:build linux

package work_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/internal/api"
)

// TestRun: a step has its environment, directory, user, input and files, and leaves what it wrote and nothing else.
func TestRun(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.base()
	r := b.begin(base.ID)
	step := work.Run{Env: []string{"A=1"}, Dir: "/work/dir", Stdin: []byte("input")}
	assert.Equal(t, "A=1\nHOME=/root\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n", b.mustRun(r, step, "env"))
	assert.Equal(t, "/work/dir\n", b.mustRun(r, step, "pwd"))
	assert.Equal(t, "input", b.mustRun(r, step, "cat"))
	assert.Equal(t, "buildkitsandbox\n", b.mustRun(r, work.Run{}, "hostname"))
	assert.Equal(t, "image\n", b.mustRun(r, work.Run{}, "cat", "/etc/hostname"))
	assert.Contains(t, b.mustRun(r, work.Run{Hosts: []string{"db:192.0.2.7"}}, "cat", "/etc/hosts"), "192.0.2.7\tdb\n")
	b.mustRun(r, step, "write", "f", "text")
	l := b.commit(r)
	assert.Equal(t, []string{"work", "work/dir", "work/dir/f"}, b.upper(l.ID), "and no trace of /etc/hosts, /proc and the like")

	r = b.begin(l.ID)
	b.mustRun(r, work.Run{}, "write", "/etc/other", "x")
	assert.Equal(t, []string{"etc", "etc/other"}, b.upper(b.commit(r).ID))
	r = b.begin(l.ID)
	b.mustRun(r, work.Run{}, "true")
	assert.True(t, b.commit(r).Empty)
}

func TestRunUser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	out, err := b.run(r, work.Run{User: "bob", Dir: "/home/bob/new"}, "id")
	if b.oneID() {
		require.ErrorIs(t, err, api.ErrUnsupported)
		require.ErrorContains(t, err, "/etc/subuid")
		return
	}
	require.NoError(t, err)
	assert.Contains(t, out, "1000")
	assert.Contains(t, b.mustRun(r, work.Run{}, "stat", "/home/bob/new"), " 1000:1000 ")
	_, err = b.run(r, work.Run{User: "alice"}, "id")
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	require.ErrorContains(t, err, "alice")
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	_, err := b.run(r, work.Run{}, "exit", "7")
	var exit *work.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, work.ExitError{Code: 7}, *exit)
	_, err = b.run(r, work.Run{}, "sh", "-c", "kill 1")
	_ = err // a first process ignores what it does not handle
	err = r.Run(t.Context(), work.Run{Args: []string{"/nonexistent"}, Network: "none"})
	require.ErrorIs(t, err, api.ErrCommandNotFound)
	require.ErrorContains(t, err, "/nonexistent: no such file or directory")
	err = r.Run(t.Context(), work.Run{Args: []string{"/etc/passwd"}, Network: "none"})
	require.ErrorIs(t, err, api.ErrNotExecutable)
	require.ErrorIs(t, r.Run(t.Context(), work.Run{}), api.ErrInvalidArgument)
	assert.True(t, b.commit(r).Empty, "what could not start leaves nothing")
}

// TestRunOutput: both streams are one, in order.
func TestRunOutput(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	assert.Equal(t, "out\n", b.mustRun(r, work.Run{}, "echo", "out"))
	assert.Equal(t, "err\n", b.mustRun(r, work.Run{}, "err", "err"))
	require.NoError(t, r.Run(t.Context(), work.Run{Args: []string{"/bin/testbox", "echo", "x"}, Network: "none"}))
	err := r.Run(t.Context(), work.Run{Args: []string{"/bin/testbox", "echo", "x"}, Network: "none", Output: panics{}})
	require.ErrorContains(t, err, "panic: boom", "and the process goes on")
}

type panics struct{}

func (panics) Write([]byte) (int, error) { panic("boom") }

// TestRunNetwork: a network of its own with a name server, that of the host, or none.
func TestRunNetwork(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	conf := b.mustRun(r, work.Run{Network: "default"}, "cat", "/etc/resolv.conf")
	assert.Contains(t, conf, "nameserver 10.")
	links := b.mustRun(r, work.Run{Network: "default"}, "cat", "/proc/net/dev")
	assert.Contains(t, links, "eth0:")
	links = b.mustRun(r, work.Run{Network: "none"}, "cat", "/proc/net/dev")
	assert.NotContains(t, links, "eth0:")
	host, err := os.ReadFile("/proc/net/dev")
	require.NoError(t, err)
	links = b.mustRun(r, work.Run{Network: "host", Hosts: []string{"me:host-gateway"}}, "cat", "/proc/net/dev", "/etc/hosts")
	assert.Equal(t, strings.Count(string(host), ":"), strings.Count(strings.Split(links, "\n127.0.0.1")[0], ":"))
	assert.Contains(t, links, "127.0.0.1\tme\n")
	assert.True(t, b.commit(r).Empty)
}

// TestRunConfined: a step has what a container has, and no more.
func TestRunConfined(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	r := b.begin(b.base().ID)
	status := b.mustRun(r, work.Run{}, "cat", "/proc/self/status")
	assert.Contains(t, status, "CapBnd:\t00000000a80425fb\n", "Docker's capabilities")
	assert.Contains(t, status, "Seccomp:\t2\n")
	_, err := b.run(r, work.Run{}, "write", "/proc/sysrq-trigger", "x")
	assert.Error(t, err)
	out, err := b.run(r, work.Run{}, "mkdir", "/sys/fs/cgroup/cpu/x")
	assert.Error(t, err, b.mustRun(r, work.Run{}, "cat", "/proc/self/mountinfo")+out)
	status = b.mustRun(r, work.Run{Insecure: true}, "cat", "/proc/self/status")
	assert.Contains(t, status, "Seccomp:\t0\n")
}

// TestRunCancel: at the end of the context all of a step is gone, whatever it does against that.
func TestRunCancel(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.base()
	for _, args := range [][]string{{"trap", "none"}, {"traced"}, {"leaderless"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			r, err := b.w.Begin(t.Context(), base.ID)
			require.NoError(t, err)
			ctx, cancel := context.WithCancelCause(t.Context())
			gone := errors.New("gone")
			mark := "mark-" + filepath.Base(t.TempDir()) + args[0]
			out := &waiter{want: []byte(started[args[0]]), found: func() { cancel(gone) }}
			err = r.Run(ctx, work.Run{Args: append([]string{"/bin/testbox"}, args...), Env: []string{"MARK=" + mark}, Output: out})
			require.ErrorIs(t, err, gone)
			assert.Empty(t, processesWith(t, mark))
			require.NoError(t, r.Close())
		})
	}
}

// started is what a command prints when it runs.
var started = map[string]string{"trap": "ready", "traced": "traced", "leaderless": "leaderless"}

// waiter calls found when it gets what it waits for.
type waiter struct {
	want  []byte
	found func()
	got   bytes.Buffer
}

func (w *waiter) Write(p []byte) (int, error) {
	w.got.Write(p)
	if bytes.Contains(w.got.Bytes(), w.want) {
		w.found()
	}
	return len(p), nil
}

// processesWith lists the processes of this machine that have a text in their environment.
func processesWith(t *testing.T, mark string) (pids []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, p := range all {
		if b, err := os.ReadFile(p); err == nil && bytes.Contains(b, []byte(mark)) {
			pids = append(pids, p)
		}
	}
	return pids
}

// TestRunStubs: directories that are there for mounts alone are gone again, and those above them are as they were.
func TestRunStubs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	base := b.layer(b.base().ID, func(r *work.Root) {
		src := b.source(work.ContextOptions{}, "opt/ 2750", "srv/q/ 700")
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"."}, Dest: "/"}))
	})
	tmpfs := func(targets ...string) (out []work.Mount) {
		for _, target := range targets {
			out = append(out, work.Mount{Type: work.MountTmpfs, Target: target})
		}
		return out
	}
	r := b.begin(base.ID)
	b.mustRun(r, work.Run{Mounts: tmpfs("/opt/a/b", "/srv/q/r", "/new/x")}, "write", "/opt/a/b/f", "x")
	l := b.commit(r)
	assert.True(t, l.Empty, b.upper(l.ID))

	r = b.begin(base.ID)
	b.mustRun(r, work.Run{Mounts: tmpfs("/opt/a/b", "/srv/q/r")}, "write", "/opt/a/f", "beside")
	l = b.commit(r)
	assert.Equal(t, []string{"opt", "opt/a", "opt/a/f"}, b.upper(l.ID))
	assert.Contains(t, b.tree(l.ID), "opt/ 2750")

	_, err := b.run(b.begin(base.ID), work.Run{Mounts: tmpfs("/etc/passwd/x")}, "true")
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	_, err = b.run(b.begin(base.ID), work.Run{Mounts: tmpfs("/")}, "true")
	require.ErrorIs(t, err, api.ErrInvalidArgument)
}

// TestRunTimes: the time of a directory that something is mounted in does not change.
func TestRunTimes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	dir := b.TempDir()
	old := time.Unix(1_000_000_000, 0)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d"), 0o755))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "d"), old, old))
	src, err := b.w.Context(dir, work.ContextOptions{})
	require.NoError(t, err)
	base := b.layer(b.base().ID, func(r *work.Root) {
		require.NoError(t, r.Copy(t.Context(), work.Copy{Source: src, Paths: []string{"."}, Dest: "/"}))
	})
	r := b.begin(base.ID)
	b.mustRun(r, work.Run{Mounts: []work.Mount{{Type: work.MountTmpfs, Target: "/d/m"}}}, "write", "/d/f", "x")
	b.mustRun(r, work.Run{}, "rm", "/d/f")
	require.NoError(t, r.Close())
	r = b.begin(base.ID)
	b.mustRun(r, work.Run{Mounts: []work.Mount{{Type: work.MountTmpfs, Target: "/d/m"}}}, "mkdir", "/d/m/x")
	b.mustRun(r, work.Run{}, "write", "/other", "x")
	l := b.commit(r)
	root, err := b.images.Layers().Mount(b.Context(), l.ID)
	require.NoError(t, err)
	defer root.Close()
	var st unix.Stat_t
	require.NoError(t, unix.Fstatat(int(root.Fd()), "d", &st, 0))
	assert.EqualValues(t, old.Unix(), st.Mtim.Sec)
	assert.Equal(t, []string{"other"}, b.upper(l.ID))
}
