//go:build linux && cgo

package calls

import (
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/testenv"
)

// run starts a list, lets it go on, and returns what its program printed and how it ended.
func run(t *testing.T, l *List, more ...*os.File) (string, *os.ProcessState) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	defer null.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p, err := l.Start([3]*os.File{null, w, w}, more...)
	w.Close()
	require.NoError(t, err)
	require.NoError(t, p.Go())
	out, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(out), wait(t, p.Pid)
}

func wait(t *testing.T, pid int) *os.ProcessState {
	t.Helper()
	p, err := os.FindProcess(pid)
	require.NoError(t, err)
	st, err := p.Wait()
	require.NoError(t, err)
	return st
}

// begun is a list up to where its child waits.
func begun() *List {
	l := &List{}
	l.Fork()
	l.Call("fcntl", unix.SYS_FCNTL, Control, unix.F_SETFD, unix.FD_CLOEXEC)
	l.Await()
	return l
}

func (l *List) exec(args, env []string) *List {
	l.Call("execve", unix.SYS_EXECVE, args[0], args, env)
	return l
}

// TestRun: a list's calls are made with their arguments, in their order, by a child of this process that has nothing of it
// open, and its program has its arguments and environment.
func TestRun(t *testing.T) {
	t.Parallel()
	l := begun()
	l.Call("chdir", unix.SYS_CHDIR, "/usr")
	l.Call("umask", unix.SYS_UMASK, 0o31)
	out, st := run(t, l.exec([]string{"/bin/sh", "-c", `echo "$1" "$2" $A $PPID; pwd; umask; ls /proc/self/fd; exit 7`, "sh", "a b", ""}, []string{"A=1", "PATH=/usr/bin:/bin"}))
	lines := strings.Split(out, "\n")
	require.Len(t, lines, 8, out)
	assert.Equal(t, []string{"a b  1 " + strconv.Itoa(os.Getpid()), "/usr", "0031", "0", "1", "2", "3", ""}, lines, "3 is that of ls itself")
	assert.Equal(t, 7, st.ExitCode())
}

// TestSignals: what is ignored or blocked where the list is started is neither in its program.
func TestSignals(t *testing.T) {
	signal.Ignore(unix.SIGUSR1)
	defer signal.Reset(unix.SIGUSR1)
	status := func(l *List, key string) (mask uint64) {
		out, _ := run(t, l.exec([]string{"/bin/sh", "-c", "exec cat /proc/self/status"}, []string{"PATH=/usr/bin:/bin"}))
		_, rest, found := strings.Cut(out, key+":\t")
		require.True(t, found, out)
		line, _, _ := strings.Cut(rest, "\n")
		mask, err := strconv.ParseUint(line, 16, 64)
		require.NoError(t, err)
		return mask
	}
	require.NotZero(t, status(begun(), "SigIgn")&(1<<(unix.SIGUSR1-1)), "it is inherited")
	for _, key := range []string{"SigIgn", "SigBlk"} {
		l := begun()
		l.DefaultSignals()
		assert.Zero(t, status(l, key), key)
	}
}

// TestErrors: who starts a list learns which call failed and why, before and behind the fork, and no process is left.
func TestErrors(t *testing.T) {
	t.Parallel()
	missing := func(l *List) { l.Call("chdir", unix.SYS_CHDIR, "/no such directory") }
	check := func(err error) {
		t.Helper()
		var e *Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, []any{"chdir", unix.ENOENT}, []any{e.Step.Name, e.Errno})
		assert.ErrorIs(t, err, os.ErrNotExist)
	}
	l := &List{}
	missing(l)
	l.Fork()
	_, err := l.Start([3]*os.File{})
	check(err)

	for range 20 { // the child may be faster than what tells its number
		l = &List{}
		l.Fork()
		missing(l)
		l.Await()
		p, err := l.Start([3]*os.File{})
		require.NoError(t, err)
		assert.Equal(t, exitFailed, wait(t, p.Pid).ExitCode())
		check(p.Go())
	}

	l = begun()
	missing(l)
	p, err := l.Start([3]*os.File{})
	require.NoError(t, err)
	check(p.Go())
	assert.Equal(t, exitFailed, wait(t, p.Pid).ExitCode())
}

const exitFailed = 125

// TestGiveUp: a process that waits ends with the one who started it, and one that is ended meanwhile is told as that.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	p, err := begun().exec([]string{"/bin/true"}, nil).Start([3]*os.File{})
	require.NoError(t, err)
	p.GiveUp()
	assert.Equal(t, exitFailed, wait(t, p.Pid).ExitCode())

	p, err = begun().exec([]string{"/bin/true"}, nil).Start([3]*os.File{})
	require.NoError(t, err)
	require.NoError(t, unix.Kill(p.Pid, unix.SIGKILL))
	assert.True(t, wait(t, p.Pid).Sys().(syscall.WaitStatus).Signaled())
	require.ErrorIs(t, p.Go(), ErrKilled)

	l := &List{}
	l.Call("getpid", unix.SYS_GETPID)
	_, err = l.Start([3]*os.File{})
	require.ErrorIs(t, err, ErrKilled, "a list without a fork comes to an end that nobody hears of")
}

// TestFiles: a process has its files in their order, whatever numbers they had, and none besides.
func TestFiles(t *testing.T) {
	t.Parallel()
	for gaps := range 6 {
		var more []*os.File
		for i := range 12 {
			f, err := os.Create(filepath.Join(t.TempDir(), strconv.Itoa(i)))
			require.NoError(t, err)
			defer f.Close()
			more = append(more, f)
		}
		for range gaps { // for what Start opens
			require.NoError(t, more[0].Close())
			more = more[1:]
		}
		slices.Reverse(more)
		want := ""
		for _, f := range more {
			want += f.Name() + "\n"
		}
		const script = `cd /proc/$$/fd; for n in 4 5 6 7 8 9 10 11 12 13 14 15 16 17; do [ ! -e $n ] || readlink $n; done`
		out, _ := run(t, begun().exec([]string{"/bin/sh", "-c", script}, []string{"PATH=/usr/bin:/bin"}), more...)
		assert.Equal(t, want, out)
	}
}

// TestRetry: a call that failed is made again behind what lets it succeed, and one that succeeded is not.
func TestRetry(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, there := range []bool{false, true} {
		path := filepath.Join(dir, map[bool]string{false: "made", true: "there"}[there])
		if there {
			require.NoError(t, os.Mkdir(path, 0o700))
		}
		l := begun()
		l.Retry(Step{Name: "chdir", Number: unix.SYS_CHDIR, Args: []any{path}, Allow: []syscall.Errno{unix.EACCES, unix.ENOENT}})
		if there {
			l.Call("renameat", unix.SYS_RENAMEAT, unix.AT_FDCWD, path, unix.AT_FDCWD, path+".moved")
			path += ".moved"
		} else {
			l.Call("mkdirat", unix.SYS_MKDIRAT, unix.AT_FDCWD, path, 0o700)
		}
		l.Again()
		out, _ := run(t, l.exec([]string{"/bin/sh", "-c", "pwd -P"}, nil))
		assert.Equal(t, path+"\n", out)
	}
	l := begun()
	l.Retry(Step{Name: "chdir", Number: unix.SYS_CHDIR, Args: []any{"/none"}, Allow: []syscall.Errno{unix.ENOENT}})
	l.Again()
	p, err := l.Start([3]*os.File{})
	require.NoError(t, err)
	require.ErrorIs(t, p.Go(), unix.ENOENT)
	wait(t, p.Pid)
}

// TestInside: a directory that is not below the root is none to execute anything in.
func TestInside(t *testing.T) {
	t.Parallel()
	testenv.Root(t) // for chroot
	root := t.TempDir()
	l := begun()
	l.Call("chroot", unix.SYS_CHROOT, root)
	l.Inside()
	p, err := l.Start([3]*os.File{})
	require.NoError(t, err)
	err = p.Go()
	require.ErrorIs(t, err, unix.ENOENT)
	require.ErrorContains(t, err, "getcwd")
	wait(t, p.Pid)
}

// TestUnchangeable: nobody who gets at the program by /proc can write to it or to the memory that it has it in.
func TestUnchangeable(t *testing.T) {
	t.Parallel()
	p, err := begun().Start([3]*os.File{})
	require.NoError(t, err)
	proc := "/proc/" + strconv.Itoa(p.Pid)
	_, err = os.OpenFile(proc+"/exe", os.O_WRONLY, 0)
	require.Error(t, err)
	f, err := os.Open(proc + "/exe")
	require.NoError(t, err)
	defer f.Close()
	seals, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	require.NoError(t, err)
	assert.Equal(t, unix.F_SEAL_SEAL|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_WRITE, seals)
	maps, err := os.ReadFile(proc + "/maps")
	require.NoError(t, err)
	for line := range strings.Lines(string(maps)) {
		if f := strings.Fields(line); !strings.Contains(line, "[") || strings.Contains(line, "[stack]") {
			assert.Contains(t, map[bool]string{true: "rw-p", false: "r-xp"}[strings.Contains(line, "[stack]")], f[1], line)
		}
	}
	p.GiveUp()
	wait(t, p.Pid)
}

// TestEncode: a list is laid out as the program reads it.
func TestEncode(t *testing.T) {
	t.Parallel()
	l := &List{}
	l.Try([]syscall.Errno{unix.EPERM}, "a", 7, 1, "text", []byte{1, 2}, []string{"x", "yz"}, Filter("12345678"))
	l.Await()
	const at = 0x20000
	b, err := l.encode(at)
	require.NoError(t, err)
	u64 := func(address uint64) uint64 { return binary.LittleEndian.Uint64(b[address-at:]) }
	text := func(address uint64) string {
		s, _, _ := strings.Cut(string(b[address-at:]), "\x00")
		return s
	}
	assert.EqualValues(t, 2, u64(at))
	step := uint64(at + headSize)
	assert.EqualValues(t, []uint64{0, 7, 1}, []uint64{u64(step), u64(step + 8), u64(step + 16)})
	assert.Equal(t, "text", text(u64(step+24)))
	assert.Equal(t, []byte{1, 2}, b[u64(step+32)-at:][:2])
	argv := u64(step + 40)
	assert.Equal(t, []any{"x", "yz", uint64(0)}, []any{text(u64(argv)), text(u64(argv + 8)), u64(argv + 16)})
	prog := u64(step + 48)
	assert.EqualValues(t, 1, u64(prog))
	assert.Equal(t, "12345678", string(b[u64(prog+8)-at:][:8]))
	assert.EqualValues(t, unix.EPERM, binary.LittleEndian.Uint32(b[step+56-at:]))
	assert.EqualValues(t, kindAwait, u64(step+stepSize))
	for name, bad := range map[string][]any{"NUL": {"a\x00b"}, "NUL in a list": {[]string{"a\x00b"}}, "type": {1.5}, "number": {1, 2, 3, 4, 5, 6}} {
		l := &List{}
		l.Call("a", 7, bad...)
		_, err := l.encode(at)
		require.Error(t, err, name)
	}
}

// TestString: a list says what it does.
func TestString(t *testing.T) {
	t.Parallel()
	l := &List{}
	l.Call("setns", unix.SYS_SETNS, 4, unix.CLONE_NEWNS)
	l.Fork()
	l.Retry(Step{Name: "chdir", Number: unix.SYS_CHDIR, Args: []any{"/srv"}, Allow: []syscall.Errno{unix.EACCES}})
	l.Call("seccomp", unix.SYS_SECCOMP, 1, 0, Filter("12345678"))
	l.Again()
	l.Call("execve", unix.SYS_EXECVE, "/bin/a", []string{"a", "b c"}, []byte{1, 255})
	assert.Equal(t, `setns(4, 131072)
fork(-1)
chdir("/srv") or permission denied
seccomp(1, 0, 1 instructions)
if that failed: chdir("/srv")
execve("/bin/a", ["a" "b c"], 01ff)
`, l.String())
}

// BenchmarkStart is what a start takes here beside one by os/exec.
func BenchmarkStart(b *testing.B) {
	runtime.LockOSThread()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(b, err)
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			p, err := begun().exec([]string{"/bin/true"}, nil).Start([3]*os.File{null, null, null})
			require.NoError(b, err)
			require.NoError(b, p.Go())
			q, err := os.FindProcess(p.Pid)
			require.NoError(b, err)
			_, err = q.Wait()
			require.NoError(b, err)
		}
	})
	b.Run("os-exec", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, exec.Command("/bin/true").Run())
		}
	})
}
