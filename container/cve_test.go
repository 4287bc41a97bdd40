//go:build linux

package container_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestCVE20195736: a hostile container does not get hold of the agent's binary, which runs in it for a moment at each
// start and each command. It may even trace, which it needs to see the binary at all.
func TestCVE20195736(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	agent, err := agentbin.Agent()
	require.NoError(t, err)
	hash := func() [32]byte {
		h := sha256.New()
		for _, name := range []string{agent, agent + agentbin.InitSuffix} {
			b, err := os.ReadFile(name)
			if name != agent && os.IsNotExist(err) {
				continue
			}
			require.NoError(t, err)
			h.Write(b)
		}
		return [32]byte(h.Sum(nil))
	}
	before := hash()
	c := start(t, e, container.Options{Cmd: []string{"grab", "/work/end"}, Security: container.Security{CapAdd: []string{"SYS_PTRACE"}}})
	for range 20 {
		for _, tty := range []bool{true, false} { // by libcontainer, and by a list of system calls
			cmd := c.Command("/bin/testbox", "true")
			cmd.TTY = tty
			require.NoError(t, cmd.Run(t.Context()))
		}
	}
	_ = c.Command("/proc/self/exe").Run(t.Context())                          // the agent's binary, as a command of the container's: it must fail
	_ = c.Command("/bin/testbox", "write", "/work/end", "x").Run(t.Context()) // the container's end may come before its own
	st, err := c.Wait(soon(t))
	require.NoError(t, err)
	require.Zero(t, st.ExitCode)
	var out strings.Builder
	require.NoError(t, c.Logs(t.Context(), container.LogsOptions{Stdout: &out}))
	assert.Contains(t, out.String(), "held", "it did see the binary")
	assert.NotContains(t, out.String(), "WRITTEN", "%s", out.String())
	assert.Equal(t, before, hash())
}

// TestCVE201914271: docker cp loaded the container's name service libraries, as root, outside of the container. Here no
// copy, look-up of a name or list of processes loads, or even opens, what it was not asked for.
func TestCVE201914271(t *testing.T) {
	t.Parallel()
	testenv.Root(t) // the watch is on the container's files by way of /proc/PID/root
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	libraries := fstest.MapFS{}
	for _, name := range []string{"libnss_files.so.2", "libnss_compat.so.2", "libc.so.6", "libpthread.so.0"} {
		libraries[name] = &fstest.MapFile{Data: testenv.Testbox(t)[:4096], Mode: 0o755}
	}
	dirs := []string{"/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64"}
	for _, dir := range dirs {
		require.NoError(t, c.CopyFS(ctx, dir, libraries, container.CopyOptions{}))
	}
	require.NoError(t, c.CopyFS(ctx, "/etc", fstest.MapFS{"nsswitch.conf": {Data: []byte("passwd: files compat\n")}}, container.CopyOptions{}))
	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	require.NoError(t, err)
	watch := os.NewFile(uintptr(fd), "inotify")
	defer watch.Close()
	for _, dir := range dirs {
		_, err := unix.InotifyAddWatch(fd, filepath.Join("/proc", strconv.Itoa(info.PID), "root", dir), unix.IN_OPEN)
		require.NoError(t, err)
	}
	opened := func() string {
		buf := make([]byte, 4096)
		n, err := unix.Read(fd, buf)
		if err != nil {
			require.ErrorIs(t, err, unix.EAGAIN)
			return ""
		}
		return string(buf[:n])
	}
	require.NoError(t, c.CopyFS(ctx, "/tmp/in", fstest.MapFS{"f": {Data: []byte("x")}}, container.CopyOptions{Owner: "alice:extra"}))
	_, err = c.ReadFile(ctx, "/tmp/in/f")
	require.NoError(t, err)
	require.NoError(t, c.Download(ctx, "/tmp/in", t.TempDir(), container.CopyFromOptions{}))
	cmd := c.Command("/bin/testbox", "id")
	cmd.User = "alice"
	require.NoError(t, cmd.Run(ctx))
	_, err = c.Top(ctx)
	require.NoError(t, err)
	assert.Empty(t, opened(), "nobody asked for these")
	_, err = c.ReadFile(ctx, dirs[0]+"/libc.so.6")
	require.NoError(t, err)
	assert.Contains(t, opened(), "libc.so.6", "the watch sees what is opened")
}

// TestCVE202421626: a working directory by way of a leaked descriptor leads out of no container.
func TestCVE202421626(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	for fd := 3; fd < 20; fd++ {
		dir := "/proc/self/fd/" + strconv.Itoa(fd)
		cmd := c.Command("/bin/testbox", "ls", ".")
		cmd.Dir = dir
		_, err := cmd.Output(t.Context())
		require.Error(t, err, "command in %s", dir)
	}
	for _, fd := range []int{3, 7, 8, 9} {
		dir := "/proc/self/fd/" + strconv.Itoa(fd)
		require.Error(t, create(t, e, container.Options{Dir: dir, Cmd: []string{"ls", "."}}).Start(t.Context()), "start in %s", dir)
	}
}

// TestCVE202130465: a volume's link, and one that changes while mounts are made, leads a mount's target to nowhere but
// into the container.
func TestCVE202130465(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	e := newEngine(t)
	out := t.TempDir()
	require.NoError(t, os.Chmod(out, 0o777))
	up := strings.Repeat("../", 20)
	dropVolume(t, e, "hostile")
	vol := container.Mount{Type: container.MountVolume, Source: "hostile", Target: "/vol"}
	evil := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Mounts: []container.Mount{vol}})
	require.NoError(t, evil.Command("/bin/testbox", "chain", "mkdir", "/vol/dir", ";", "ln", up+out, "/vol/link", ";", "ln", out, "/vol/absolute").Run(t.Context()))
	for _, target := range []string{"/vol/link/x", "/vol/absolute/x"} {
		c := create(t, e, container.Options{Cmd: []string{"mounts"}, Mounts: []container.Mount{vol, {Type: container.MountTmpfs, Target: target}}})
		_ = c.Start(t.Context()) // it may be refused, or land in the container
		assert.NoDirExists(t, filepath.Join(out, "x"))
	}
	swapping := evil.Command("/bin/testbox", "swap", "/vol/dir", "/vol/link", "/vol/end")
	require.NoError(t, swapping.Start(t.Context()))
	for i := range 15 {
		c := create(t, e, container.Options{Cmd: []string{"true"}, Mounts: []container.Mount{vol, {Type: container.MountTmpfs, Target: "/vol/dir/n" + strconv.Itoa(i)}}})
		_ = c.Start(t.Context()) // as above
		require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
	}
	require.NoError(t, evil.Command("/bin/testbox", "write", "/vol/end", "x").Run(t.Context()))
	require.NoError(t, swapping.Wait())
	left, err := os.ReadDir(out)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestCVE2025: the masks are bind mounts of /dev/null, a terminal is one at /dev/console, and parameters are written
// below /proc. A /dev that is not the container's own (31133, 52565), or a /proc (52881), must not turn these against
// the host.
func TestCVE2025(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	e := newEngine(t)
	dev := t.TempDir()
	require.NoError(t, os.Chmod(dev, 0o777))
	victim := filepath.Join(t.TempDir(), "victim")
	require.NoError(t, os.WriteFile(victim, []byte("as it was"), 0o666))
	require.NoError(t, os.Symlink(victim, filepath.Join(dev, "null")))
	require.NoError(t, os.Symlink(victim, filepath.Join(dev, "console")))
	require.NoError(t, os.Mkdir(filepath.Join(dev, "pts"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dev, "mqueue"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(dev, "shm"), 0o755))
	for _, tty := range []bool{false, true} {
		c := create(t, e, container.Options{Cmd: []string{"cat", "/proc/keys"}, TTY: tty, Mounts: []container.Mount{{Source: dev, Target: "/dev"}}})
		if err := c.Start(t.Context()); err == nil {
			_, err := c.Wait(soon(t))
			require.NoError(t, err)
			var out strings.Builder
			require.NoError(t, c.Logs(t.Context(), container.LogsOptions{Stdout: &out, Stderr: &out}))
			assert.NotContains(t, out.String(), "as it was")
			assert.NotContains(t, out.String(), "keyring", "what is masked stays so")
		}
		b, err := os.ReadFile(victim)
		require.NoError(t, err)
		assert.Equal(t, "as it was", string(b))
	}
	for _, target := range []string{"/proc", "/proc/self/attr", "/proc/sys/net", "/proc/../proc/1"} {
		_, err := e.Create(t.Context(), container.Options{
			Image: testImage, Namespaces: container.Namespaces{Sysctls: map[string]string{"net.ipv4.ip_forward": "1"}}, Mounts: []container.Mount{{Type: container.MountTmpfs, Target: target}},
		})
		require.ErrorIs(t, err, container.ErrInvalidArgument, target)
		assert.ErrorContains(t, err, "Options.Mounts[0].Target")
	}
	// By way of a link of the image's, which Create can't know.
	const name = "localhost/link-to-proc:1"
	buildImage(t, e.Store(), name, strings.Replace(dockerfile, "ENV ", "RUN [\"/bin/testbox\", \"ln\", \"/proc\", \"/data/p\"]\nENV ", 1))
	c := create(t, e, container.Options{Image: name, Mounts: []container.Mount{{Type: container.MountTmpfs, Target: "/data/p/sys"}}})
	err := c.Start(t.Context())
	require.Error(t, err)
	assert.ErrorContains(t, err, "/proc")
}
