package container_test

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestRunHonoursImageConfiguration(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, tc := range []struct {
		name string
		opts container.Options
		want string
	}{
		{"entrypoint and command of the image", container.Options{}, "default command\n"},
		{"command replaced", container.Options{Cmd: []string{"echo", "mine"}}, "mine\n"},
		{"entrypoint replaced drops the command", container.Options{Entrypoint: []string{"/bin/testbox", "echo"}}, "\n"},
		{"entrypoint taken away", container.Options{Entrypoint: []string{}, Cmd: []string{"/bin/testbox", "echo", "bare"}}, "bare\n"},
		{"working directory of the image", container.Options{Cmd: []string{"pwd"}}, "/work\n"},
		{"working directory given, and made", container.Options{Cmd: []string{"pwd"}, Dir: "/new/dir"}, "/new/dir\n"},
		{"user by name", container.Options{Cmd: []string{"id"}, User: "alice"}, "1000 1000 [1000 2000]\n"},
		{"user by number and group", container.Options{Cmd: []string{"id"}, User: "77:88"}, "77 88 [88]\n"},
		{"hostname", container.Options{Cmd: []string{"hostname"}, Networking: container.NetworkingConfig{Hostname: "box"}}, "box\n"},
		{"file of the image", container.Options{Cmd: []string{"cat", "/data/note"}}, "from the image"},
		{"hosts file", container.Options{Cmd: []string{"cat", "/etc/hostname"}, Networking: container.NetworkingConfig{Hostname: "abc"}}, "abc\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.opts.User != "" {
				testenv.ManyIDs(t)
			}
			out, errs, st := run(t, e, tc.opts)
			assert.Equal(t, tc.want, out)
			assert.Empty(t, errs)
			assert.Zero(t, st.ExitCode)
			assert.False(t, st.Started.After(st.Finished))
		})
	}
}

func TestRunEnvironment(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	out, _, _ := run(t, e, container.Options{Cmd: []string{"env"}, Env: []string{"MINE=1", "PATH=/x"}, Networking: container.NetworkingConfig{Hostname: "h"}})
	assert.Equal(t, "FROM_IMAGE=yes\nHOME=/root\nHOSTNAME=h\nMINE=1\nPATH=/x\n", out)
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, errs, st := run(t, e, container.Options{Cmd: []string{"cat", "/nowhere"}})
	assert.Equal(t, 1, st.ExitCode)
	assert.Contains(t, errs, "no such file or directory")
	_, _, st = run(t, e, container.Options{Cmd: []string{"exit", "7"}})
	assert.Equal(t, 7, st.ExitCode)

	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	require.NoError(t, c.Kill(t.Context(), ""))
	st, err := c.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 137, st.ExitCode)
	assert.Equal(t, "SIGKILL", st.Signal)
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, tc := range []struct {
		name string
		opts container.Options
		want error
		text string
		code int
	}{
		{"command not found", container.Options{Entrypoint: []string{"/no/such"}}, container.ErrCommandNotFound, "/no/such", 127},
		{"command not in PATH", container.Options{Entrypoint: []string{"nope"}}, container.ErrCommandNotFound, "nope", 127},
		{"not executable", container.Options{Entrypoint: []string{"/data/note"}}, container.ErrNotExecutable, "/data/note", 126},
		{"a directory", container.Options{Entrypoint: []string{"/data"}}, container.ErrNotExecutable, "/data", 126},
		{"unknown user", container.Options{User: "bob"}, container.ErrInvalidArgument, "bob", 128},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := create(t, e, tc.opts)
			err := c.Start(t.Context())
			require.ErrorIs(t, err, tc.want)
			assert.ErrorContains(t, err, tc.text)
			st, err := c.Wait(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tc.code, st.ExitCode)
			assert.NotEmpty(t, st.Error)
		})
	}
}

// TestForeignProgram: a program for another architecture is refused before it starts.
func TestForeignProgram(t *testing.T) {
	t.Parallel()
	if emulators, _ := filepath.Glob("/proc/sys/fs/binfmt_misc/qemu-*"); len(emulators) > 0 {
		t.Skip("SKIPPED, this machine has: an emulator for programs of other architectures")
	}
	e := newEngine(t)
	program := bytes.Clone(testenv.Testbox(t))
	other := elf.EM_AARCH64
	if runtime.GOARCH == "arm64" {
		other = elf.EM_X86_64
	}
	binary.LittleEndian.PutUint16(program[18:], uint16(other))
	const name = "localhost/foreign:1"
	_, err := e.Store().Build(t.Context(), image.BuildOptions{
		Context:        fstest.MapFS{"p": {Data: program, Mode: 0o755}},
		DockerfileText: "FROM localhost/testbox:1\nCOPY p /usr/bin/p\nENTRYPOINT []\n", Tags: []string{name},
	})
	require.NoError(t, err)
	running := start(t, e, container.Options{Image: name, Cmd: []string{"/bin/testbox", "sleep", "1h"}})
	for _, command := range []string{"/usr/bin/p", "../usr/bin/p", "p"} {
		t.Run("exec "+command, func(t *testing.T) {
			err := running.Command(command).Run(t.Context())
			require.ErrorIs(t, err, container.ErrNotExecutable)
			assert.ErrorContains(t, err, "/usr/bin/p: the program is for ")
		})
		t.Run(command, func(t *testing.T) {
			c := create(t, e, container.Options{Image: name, Cmd: []string{command}})
			err := c.Start(t.Context())
			require.ErrorIs(t, err, container.ErrNotExecutable)
			assert.ErrorContains(t, err, "/usr/bin/p: the program is for "+strings.ToLower(strings.TrimPrefix(other.String(), "EM_")))
			assert.ErrorContains(t, err, "linux/"+runtime.GOARCH)
			st, err := c.Wait(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 126, st.ExitCode)
		})
	}
}

func TestCreateErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	taken := create(t, e, container.Options{Name: "taken"})
	for _, tc := range []struct {
		name string
		opts container.Options
		want error
		text string
	}{
		{"no image", container.Options{Image: ""}, container.ErrInvalidArgument, "Options.Image"},
		{"unknown image", container.Options{Image: "localhost/none:1", Pull: image.PullNever}, container.ErrNotFound, "localhost/none:1"},
		{"bad reference", container.Options{Image: "UPPER/x"}, image.ErrInvalidReference, "UPPER/x"},
		{"bad name", container.Options{Image: testImage, Name: "-x"}, container.ErrInvalidArgument, "Options.Name"},
		{"name in use", container.Options{Image: testImage, Name: "taken"}, container.ErrNameInUse, taken.ID()[:12]},
		{"relative directory", container.Options{Image: testImage, Dir: "x"}, container.ErrInvalidArgument, "Options.Dir"},
		{"bad environment", container.Options{Image: testImage, Env: []string{"=x"}}, container.ErrInvalidArgument, "Options.Env"},
		{"bad signal", container.Options{Image: testImage, Lifecycle: container.LifecycleConfig{StopSignal: "SIGWHAT"}}, container.ErrInvalidArgument, "SIGWHAT"},
		{"missing bind source", container.Options{Image: testImage, Mounts: []container.Mount{{Source: "/no/such", Target: "/x"}}}, container.ErrInvalidArgument, "/no/such"},
		{"relative bind target", container.Options{Image: testImage, Mounts: []container.Mount{{Source: "/tmp", Target: "x"}}}, container.ErrInvalidArgument, "Mounts[0].Target"},
		{"mount over the root", container.Options{Image: testImage, Mounts: []container.Mount{{Source: "/tmp", Target: "/"}}}, container.ErrInvalidArgument, "Mounts[0].Target"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := e.Create(t.Context(), tc.opts)
			require.ErrorIs(t, err, tc.want)
			assert.ErrorContains(t, err, tc.text)
			assert.Nil(t, c)
		})
	}
}

func TestLifeOfAContainer(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Name: "life", Cmd: []string{"trap", "terminated"}, Labels: map[string]string{"a": "b"}})
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusCreated, info.State.Status)
	assert.Equal(t, "life", info.Name)
	assert.Equal(t, []string{"/bin/testbox", "trap", "terminated"}, info.Command)
	assert.Equal(t, map[string]string{"a": "b"}, info.Options.Labels)

	require.NoError(t, c.Start(ctx))
	require.ErrorIs(t, c.Start(ctx), container.ErrRunning)
	require.ErrorIs(t, c.Remove(ctx, container.RemoveOptions{}), container.ErrRunning)
	info, err = c.Inspect(ctx)
	require.NoError(t, err)
	assert.Equal(t, container.StatusRunning, info.State.Status)
	assert.Positive(t, info.PID)
	for _, ref := range []string{"life", c.ID(), c.ID()[:8]} {
		got, err := e.Get(ctx, ref)
		require.NoError(t, err, ref)
		assert.Equal(t, c.ID(), got.ID())
	}
	waitForLog(t, c, "ready")
	require.NoError(t, c.Kill(ctx, "HUP"))
	waitForLog(t, c, "got hangup")
	require.NoError(t, c.Stop(ctx, container.StopOptions{}))
	st, err := c.Wait(ctx)
	require.NoError(t, err)
	assert.Equal(t, 42, st.ExitCode, "it handled the stop signal")
	require.ErrorIs(t, c.Kill(ctx, ""), container.ErrNotRunning)
	require.ErrorIs(t, c.Command("/bin/testbox", "true").Run(ctx), container.ErrNotRunning)

	require.NoError(t, c.Start(ctx), "a stopped container starts again")
	require.NoError(t, c.Stop(ctx, container.StopOptions{Signal: "SIGUSR1", Timeout: 50 * time.Millisecond}))
	st, err = c.Wait(ctx)
	require.NoError(t, err)
	assert.Equal(t, "SIGKILL", st.Signal, "it ignores SIGUSR1")
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	_, err = c.Inspect(ctx)
	require.ErrorIs(t, err, container.ErrNotFound)
	_, err = e.Get(ctx, "life")
	require.ErrorIs(t, err, container.ErrNotFound)
}

// waitForLog follows the log until it has the text.
func waitForLog(t testing.TB, c *container.Container, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w := &watcher{text: text, found: cancel}
	err := c.Logs(ctx, container.LogsOptions{Stdout: w, Stderr: w, Follow: true})
	w.mu.Lock()
	defer w.mu.Unlock()
	require.True(t, w.seen, "log never had %q: %v\n%s", text, err, w.b.String())
}

type watcher struct {
	mu    sync.Mutex
	b     bytes.Buffer
	text  string
	found func()
	seen  bool
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b.Write(p)
	if w.found != nil && strings.Contains(w.b.String(), w.text) {
		w.seen = true
		w.found()
	}
	return len(p), nil
}

func TestContainersAreSeparate(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	a := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	b := start(t, e, container.Options{Cmd: []string{"sleep", "2h"}})
	require.NoError(t, a.Command("/bin/testbox", "write", "/work/mine", "a's").Run(t.Context()))
	out, err := a.Command("/bin/testbox", "cat", "/work/mine").Output(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "a's", string(out))
	_, err = b.Command("/bin/testbox", "cat", "/work/mine").Output(t.Context())
	var ee *container.ExitError
	require.ErrorAs(t, err, &ee)
	assert.Contains(t, string(ee.Stderr), "no such file")
	out, err = b.Command("/bin/testbox", "ps").Output(t.Context())
	require.NoError(t, err)
	assert.Contains(t, string(out), "sleep 2h")
	assert.NotContains(t, string(out), "sleep 1h")
}

func TestExec(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Env: []string{"OF=container"}})
	ctx := t.Context()
	t.Run("streams", func(t *testing.T) {
		cmd := c.Command("testbox", "chain", "cat", ";", "err", "to stderr")
		cmd.Env = []string{"PATH=/bin"}
		var out, errw bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("through stdin"), &out, &errw
		require.NoError(t, cmd.Run(ctx))
		assert.Equal(t, "through stdin", out.String())
		assert.Equal(t, "to stderr\n", errw.String())
	})
	t.Run("exit code", func(t *testing.T) {
		err := c.Command("testbox", "exit", "9").Run(ctx)
		var ee *container.ExitError
		require.ErrorAs(t, err, &ee)
		assert.Equal(t, 9, ee.ExitCode)
	})
	t.Run("environment, directory and user", func(t *testing.T) {
		testenv.ManyIDs(t)
		cmd := c.Command("testbox", "chain", "env", ";", "pwd", ";", "id")
		cmd.Env, cmd.Dir, cmd.User = []string{"A=b"}, "/data", "alice"
		out, err := cmd.Output(ctx)
		require.NoError(t, err)
		assert.Contains(t, string(out), "\nOF=container\n")
		assert.Contains(t, string(out), "A=b\n")
		assert.Contains(t, string(out), "HOME=/home/alice\n")
		assert.True(t, strings.HasSuffix(string(out), "/data\n1000 1000 [1000 2000]\n"), "%s", out)
	})
	t.Run("not found", func(t *testing.T) {
		require.ErrorIs(t, c.Command("/no/such").Run(ctx), container.ErrCommandNotFound)
		require.ErrorIs(t, c.Command("/data/note").Run(ctx), container.ErrNotExecutable)
	})
	t.Run("cancel kills", func(t *testing.T) {
		short, cancel := context.WithCancel(ctx)
		cmd := c.Command("testbox", "chain", "echo", "up", ";", "sleep", "77h")
		w := &watcher{text: "up", found: cancel}
		cmd.Stdout = w
		begin := time.Now()
		require.ErrorIs(t, cmd.Run(short), context.Canceled)
		assert.Less(t, time.Since(begin), 10*time.Second)
		require.Eventually(t, func() bool {
			out, err := c.Command("testbox", "ps").Output(ctx)
			return err == nil && !strings.Contains(string(out), "77h")
		}, time.Minute, 10*time.Millisecond)
	})
	t.Run("privileged", func(t *testing.T) {
		effective := func(privileged bool) string {
			cmd := c.Command("testbox", "cat", "/proc/self/status")
			cmd.Privileged = privileged
			out, err := cmd.Output(ctx)
			require.NoError(t, err)
			_, rest, _ := strings.Cut(string(out), "CapEff:\t")
			return rest[:16]
		}
		assert.Equal(t, "00000000a80425fb", effective(false))
		assert.Greater(t, effective(true), "00000000a80425fb")
	})
	t.Run("detached", func(t *testing.T) {
		short, cancel := context.WithCancel(ctx)
		for _, tty := range []bool{false, true} {
			cmd := c.Command("testbox", "chain", "seq", "20000", ";", "write", "/tmp-left", "behind", ";", "sleep", "88h")
			cmd.Detach, cmd.TTY = true, tty
			require.NoError(t, cmd.Start(short))
			require.Error(t, cmd.Wait())
			require.Eventually(t, func() bool {
				out, err := c.ReadFile(ctx, "/tmp-left")
				return err == nil && string(out) == "behind"
			}, time.Minute, 10*time.Millisecond, "what it writes holds it up")
			require.NoError(t, c.Command("testbox", "rm", "/tmp-left").Run(ctx))
		}
		cancel()
		out, err := c.Command("testbox", "ps").Output(ctx)
		require.NoError(t, err)
		assert.Equal(t, 2, strings.Count(string(out), "88h"), "%s", out)
		cmd := c.Command("/no/such")
		cmd.Detach = true
		require.ErrorIs(t, cmd.Start(ctx), container.ErrCommandNotFound)
		cmd.Stdout = io.Discard
		require.ErrorIs(t, cmd.Start(ctx), container.ErrInvalidArgument)
	})
	t.Run("much data both ways", func(t *testing.T) {
		data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
		cmd := c.Command("testbox", "cat")
		cmd.Stdin = bytes.NewReader(data)
		out, err := cmd.Output(ctx)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(data, out), "%d bytes came back of %d", len(out), len(data))
	})
}

func TestAttach(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := create(t, e, container.Options{Cmd: []string{"upper"}, Stdin: true})
	pr, pw := io.Pipe()
	var out, second bytes.Buffer
	att, err := c.Attach(t.Context(), container.AttachOptions{Stdin: pr, Stdout: &out})
	require.NoError(t, err)
	att2, err := c.Attach(t.Context(), container.AttachOptions{Stdout: &second})
	require.NoError(t, err)
	require.NoError(t, c.Start(t.Context()))
	_, err = io.WriteString(pw, "one\n")
	require.NoError(t, err)
	waitForLog(t, c, "ONE")
	_, err = io.WriteString(pw, "two\n")
	require.NoError(t, err)
	require.NoError(t, pw.Close())
	st, err := att.Wait()
	require.NoError(t, err)
	assert.Zero(t, st.ExitCode)
	assert.Equal(t, "ONE\nTWO\n", out.String())
	_, err = att2.Wait()
	require.NoError(t, err)
	assert.Equal(t, "ONE\nTWO\n", second.String())

	_, err = create(t, e, container.Options{}).Attach(t.Context(), container.AttachOptions{Stdin: strings.NewReader("")})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
}

func TestWaitAndAttachCancel(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	ctx, cancel := context.WithCancel(t.Context())
	att, err := c.Attach(ctx, container.AttachOptions{})
	require.NoError(t, err)
	errs := make(chan error, 3)
	go func() { _, err := c.Wait(ctx); errs <- err }()
	go func() { _, err := att.Wait(); errs <- err }()
	go func() { errs <- c.Logs(ctx, container.LogsOptions{Follow: true}) }()
	cancel()
	for range 3 {
		select {
		case err := <-errs:
			require.ErrorIs(t, err, context.Canceled)
		case <-time.After(10 * time.Second): // one second, and a stalled machine
			t.Fatal("a cancelled call did not return in time")
		}
	}
	_, err = c.Inspect(t.Context())
	require.NoError(t, err)
}

func TestLogsKeepStreamsApart(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	out, errs, _ := run(t, e, container.Options{Cmd: []string{"chain", "echo", "a", ";", "err", "b", ";", "echo", "c"}})
	assert.Equal(t, "a\nc\n", out)
	assert.Equal(t, "b\n", errs)
}

func TestAutoRemove(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"exit", "3"}, AutoRemove: true})
	st, err := c.Wait(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 3, st.ExitCode)
	st, err = c.Wait(t.Context())
	require.NoError(t, err, "a late Wait still knows")
	assert.Equal(t, 3, st.ExitCode)
	_, err = c.Inspect(t.Context())
	require.ErrorIs(t, err, container.ErrNotFound)
}

func TestMounts(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in"), []byte("from outside"), 0o644))
	out, errs, st := run(t, e, container.Options{
		Cmd: []string{"chain", "cat", "/m/in", ";", "write", "/m/out", "from inside", ";", "write", "/ro/x", "no"},
		Mounts: []container.Mount{
			{Source: dir, Target: "/m"},
			{Source: dir, Target: "/ro", ReadOnly: true},
		},
	})
	assert.Equal(t, "from outside", out)
	assert.Equal(t, 1, st.ExitCode)
	assert.Contains(t, errs, "read-only file system")
	b, err := os.ReadFile(filepath.Join(dir, "out"))
	require.NoError(t, err)
	assert.Equal(t, "from inside", string(b))

	out, _, st = run(t, e, container.Options{
		ReadOnly: true,
		Cmd:      []string{"chain", "write", "/tmp2/x", "y", ";", "cat", "/tmp2/x", ";", "write", "/x", "no"},
		Mounts:   []container.Mount{{Type: container.MountTmpfs, Target: "/tmp2"}},
	})
	assert.Equal(t, "y", out)
	assert.Equal(t, 1, st.ExitCode)
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	dropVolume(t, e, "shared")
	vol := container.Mount{Type: container.MountVolume, Source: "shared", Target: "/data"}
	out, _, _ := run(t, e, container.Options{Cmd: []string{"chain", "cat", "/data/note", ";", "write", "/data/more", "kept"}, Mounts: []container.Mount{vol}})
	assert.Equal(t, "from the image", out, "an empty volume is filled from the image")
	out, _, _ = run(t, e, container.Options{Cmd: []string{"cat", "/data/more"}, Mounts: []container.Mount{vol}})
	assert.Equal(t, "kept", out)

	buildImage(t, e.Store(), "localhost/volume:1", strings.Replace(dockerfile, "WORKDIR", "VOLUME /data\nWORKDIR", 1))
	c := create(t, e, container.Options{Image: "localhost/volume:1", Cmd: []string{"cat", "/data/note"}})
	info, err := c.Inspect(t.Context())
	require.NoError(t, err)
	require.Len(t, info.Mounts, 1)
	dir := filepath.Join(e.Store().Root(), "volumes", info.Mounts[0].Source)
	require.DirExists(t, dir)
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{}))
	require.NoDirExists(t, dir, "an anonymous volume goes with its container")
}

func TestListAndPrune(t *testing.T) {
	e := newEngine(t)
	running := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	stopped := create(t, e, container.Options{Detach: true})
	has := func(all bool, c *container.Container) bool {
		infos, err := e.List(t.Context(), container.ListOptions{All: all})
		require.NoError(t, err)
		for _, i := range infos {
			if i.ID == c.ID() {
				return true
			}
		}
		return false
	}
	assert.True(t, has(false, running))
	assert.False(t, has(false, stopped))
	assert.True(t, has(true, stopped))
	res, err := e.Prune(t.Context(), container.PruneOptions{})
	require.NoError(t, err)
	assert.Contains(t, res.Deleted, stopped.ID())
	assert.False(t, has(true, stopped))
	assert.True(t, has(true, running))
}

func TestConfinement(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, errs, st := run(t, e, container.Options{Cmd: []string{"nns"}})
	assert.Equal(t, 1, st.ExitCode)
	assert.Contains(t, errs, "operation not permitted", "the seccomp profile forbids a new user namespace")
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	err := c.Command("testbox", "nns").Run(t.Context())
	var ee *container.ExitError
	require.ErrorAs(t, err, &ee, "an exec is confined too")
	out, err := c.Command("testbox", "cat", "/proc/self/status").Output(t.Context())
	require.NoError(t, err)
	assert.Contains(t, string(out), "CapBnd:\t00000000a80425fb\n", "Docker's set")
	assert.Contains(t, string(out), "Seccomp:\t2\n")
}

func TestConcurrentContainers(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	const n = 20
	errs := make(chan error, n)
	for range n {
		go func() {
			c, err := e.Start(t.Context(), container.Options{Image: testImage, Cmd: []string{"true"}, AutoRemove: true})
			if err == nil {
				var st container.State
				if st, err = c.Wait(t.Context()); err == nil && st.ExitCode != 0 {
					err = errors.New("not 0")
				}
			}
			errs <- err
		}()
	}
	for range n {
		require.NoError(t, <-errs)
	}
}
