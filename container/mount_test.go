//go:build linux

package container_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestTmpfs(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	out, errs, st := run(t, e, container.Options{
		Cmd: []string{"chain", "cat", "/proc/self/mounts", ";", "stat", "/a", "/b"},
		Mounts: []container.Mount{
			{Type: container.MountTmpfs, Target: "/a"},
			{Type: container.MountTmpfs, Target: "/b", Tmpfs: container.Tmpfs{Size: 4 << 20, Mode: 0o710, Options: []string{"exec", "nr_inodes=77"}}},
			{Type: container.MountTmpfs, Target: "/c", ReadOnly: true},
		},
	})
	require.Zero(t, st.ExitCode, errs)
	assert.Regexp(t, `(?m)^tmpfs /a tmpfs rw,nosuid,nodev,noexec,`, out)
	assert.Regexp(t, `(?m)^tmpfs /b tmpfs rw,nosuid,nodev,relatime,size=4096k,nr_inodes=77,mode=710`, out)
	assert.Regexp(t, `(?m)^tmpfs /c tmpfs ro,`, out)
	assert.Contains(t, out, "/a 41777 ")
	assert.Contains(t, out, "/b 40710 ")
}

// TestTmpfsKeepsMode: a tmpfs has the mode of the directory that it covers.
func TestTmpfsKeepsMode(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	const name = "localhost/modes:1"
	buildImage(t, e.Store(), name, "FROM "+testImage+"\nCOPY --chmod=700 note /secret/\nRUN [\"/bin/testbox\", \"mkdir\", \"/private\"]\n")
	c := start(t, e, container.Options{Image: name, Cmd: []string{"sleep", "1h"}})
	before, err := c.Command("/bin/testbox", "stat", "/private").Output(t.Context())
	require.NoError(t, err)
	require.NotContains(t, string(before), " 41777 ")
	out, errs, _ := run(t, e, container.Options{
		Image: name, Cmd: []string{"stat", "/private"}, Mounts: []container.Mount{{Type: container.MountTmpfs, Target: "/private"}},
	})
	assert.Equal(t, strings.Fields(string(before))[1], strings.Fields(out)[1], errs)
}

// TestMountOnEtc: hosts, hostname and resolv.conf are there whatever is mounted on /etc.
func TestMountOnEtc(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, m := range []container.Mount{
		{Type: container.MountTmpfs, Target: "/etc"}, {Type: container.MountTmpfs, Target: "/etc", ReadOnly: true},
		{Type: container.MountVolume, Target: "/etc"}, {Source: t.TempDir(), Target: "/etc"},
	} {
		out, errs, st := run(t, e, container.Options{
			Cmd: []string{"cat", "/etc/hostname"}, Mounts: []container.Mount{m}, Networking: container.NetworkingConfig{Hostname: "box"},
		})
		require.Zero(t, st.ExitCode, errs)
		assert.Equal(t, "box\n", out)
	}
}

func TestMountSourceMade(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	dir := filepath.Join(t.TempDir(), "new", "deep")
	_, errs, st := run(t, e, container.Options{
		Cmd: []string{"write", "/m/file", "x"}, Mounts: []container.Mount{{Source: dir, Target: "/m", CreateSource: true}},
	})
	require.Zero(t, st.ExitCode, errs)
	assert.FileExists(t, filepath.Join(dir, "file"))
}

// TestMountSourceOfAnyKind: CreateSource makes nothing where something is.
func TestMountSourceOfAnyKind(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("conf"), 0o644))
	require.NoError(t, os.Symlink("file", filepath.Join(dir, "link")))
	for _, name := range []string{"file", "link"} {
		out, errs, st := run(t, e, container.Options{
			Cmd: []string{"cat", "/etc/conf"}, Mounts: []container.Mount{{Source: filepath.Join(dir, name), Target: "/etc/conf", CreateSource: true}},
		})
		require.Zero(t, st.ExitCode, errs)
		assert.Equal(t, "conf", out)
	}
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "fifo"), 0o644))
	l, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	defer l.Close()
	for name, kind := range map[string]string{"fifo": "/x 10", "socket": "/x 140"} {
		out, errs, st := run(t, e, container.Options{
			Cmd: []string{"stat", "/x"}, Mounts: []container.Mount{{Source: filepath.Join(dir, name), Target: "/x", CreateSource: true}},
		})
		require.Zero(t, st.ExitCode, errs)
		assert.Contains(t, out, kind)
	}
}

func TestImageMount(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	const name = "localhost/files:1"
	buildImage(t, e.Store(), name, "FROM scratch\nCOPY note /deep/note\n")
	mount := []container.Mount{{Type: container.MountImage, Source: name, Target: "/files"}}
	for range 2 { // at once, and again
		a := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Mounts: mount})
		b := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Mounts: mount})
		for _, c := range []*container.Container{a, b} {
			out, err := c.Command("/bin/testbox", "cat", "/files/deep/note").Output(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "from the image", string(out))
			both, err := c.Command("/bin/testbox", "write", "/files/x", "x").CombinedOutput(t.Context())
			require.Error(t, err)
			assert.Contains(t, string(both), "read-only file system")
		}
		require.NoError(t, a.Remove(t.Context(), container.RemoveOptions{Force: true}))
		out, err := b.Command("/bin/testbox", "cat", "/files/deep/note").Output(t.Context())
		require.NoError(t, err, "the other's end is not this one's")
		assert.Equal(t, "from the image", string(out))
	}
	_, err := e.Create(t.Context(), container.Options{Image: testImage, Pull: image.PullNever, Mounts: []container.Mount{{Type: container.MountImage, Source: "localhost/none:1", Target: "/x"}}})
	require.ErrorIs(t, err, container.ErrNotFound)
}

func TestVolumeNotFilled(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	_, errs, st := run(t, e, container.Options{Cmd: []string{"cat", "/data/note"}, Mounts: []container.Mount{{Type: container.MountVolume, Target: "/data", NoCopy: true}}})
	assert.Equal(t, 1, st.ExitCode)
	assert.Contains(t, errs, "no such file")
}

// TestReadOnlyMountIsReadOnlyBelow: a mount below the source does not stay writable, as it would with MS_RDONLY alone.
func TestReadOnlyMountIsReadOnlyBelow(t *testing.T) {
	t.Parallel()
	testenv.Root(t) // it mounts on the host
	dir := t.TempDir()
	below := filepath.Join(dir, "below")
	require.NoError(t, os.Mkdir(below, 0o755))
	require.NoError(t, unix.Mount("tmpfs", below, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(below, 0)) })
	// The agent's mount namespace is as old as the agent: the mount has to be there before.
	root, _ := killStore(t)
	e := openEngine(t, root)
	c, err := e.Start(t.Context(), container.Options{Image: testImage, Cmd: []string{"sleep", "1000h", root}, Mounts: []container.Mount{{Source: dir, Target: "/m", ReadOnly: true}}})
	require.NoError(t, err)
	for _, file := range []string{"/m/x", "/m/below/x"} {
		out, err := c.Command("/bin/testbox", "write", file, "x").CombinedOutput(t.Context())
		require.Error(t, err)
		assert.Contains(t, string(out), "read-only file system", file)
	}
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
	require.NoError(t, e.Store().Close())
}

// TestSlaveMount: what is mounted on the host afterwards is seen in the container, and nothing comes back.
func TestSlaveMount(t *testing.T) {
	t.Parallel()
	testenv.Root(t) // it mounts on the host
	dir := t.TempDir()
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	require.NoError(t, unix.Mount("", dir, "", unix.MS_SHARED, ""))
	late := filepath.Join(dir, "late")
	require.NoError(t, os.Mkdir(late, 0o755))
	root, _ := killStore(t)
	e := openEngine(t, root)
	make := func(p container.Propagation) *container.Container {
		c, err := e.Start(t.Context(), container.Options{Image: testImage, Cmd: []string{"sleep", "1000h", root}, Mounts: []container.Mount{{Source: dir, Target: "/m", Propagation: p}}})
		require.NoError(t, err)
		return c
	}
	slave, private := make(container.PropagationRSlave), make("")
	require.NoError(t, unix.Mount("tmpfs", late, "tmpfs", 0, ""))
	require.NoError(t, os.WriteFile(filepath.Join(late, "file"), []byte("seen"), 0o644))
	out, err := slave.Command("/bin/testbox", "cat", "/m/late/file").Output(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "seen", string(out))
	_, err = private.Command("/bin/testbox", "cat", "/m/late/file").Output(t.Context())
	require.Error(t, err)
	for _, c := range []*container.Container{slave, private} {
		require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
	}
	require.NoError(t, e.Store().Close())
}

func TestMountErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, tc := range []struct {
		text string
		m    container.Mount
		want error
	}{
		{".Type \"nfs\"", container.Mount{Type: "nfs", Target: "/x"}, container.ErrInvalidArgument},
		{".CreateSource", container.Mount{Type: container.MountTmpfs, Target: "/x", CreateSource: true}, container.ErrInvalidArgument},
		{".NoCopy", container.Mount{Source: "/tmp", Target: "/x", NoCopy: true}, container.ErrInvalidArgument},
		{".Tmpfs", container.Mount{Source: "/tmp", Target: "/x", Tmpfs: container.Tmpfs{Size: 1}}, container.ErrInvalidArgument},
		{".Tmpfs.Size -1", container.Mount{Type: container.MountTmpfs, Target: "/x", Tmpfs: container.Tmpfs{Size: -1}}, container.ErrInvalidArgument},
		{".Tmpfs.Mode", container.Mount{Type: container.MountTmpfs, Target: "/x", Tmpfs: container.Tmpfs{Mode: 0o100000}}, container.ErrInvalidArgument},
		{`.Tmpfs.Options "size=5"`, container.Mount{Type: container.MountTmpfs, Target: "/x", Tmpfs: container.Tmpfs{Options: []string{"size=5"}}}, container.ErrInvalidArgument},
		{`.Tmpfs.Options "bind"`, container.Mount{Type: container.MountTmpfs, Target: "/x", Tmpfs: container.Tmpfs{Options: []string{"bind"}}}, container.ErrInvalidArgument},
		{`.Propagation "rshared"`, container.Mount{Source: "/tmp", Target: "/x", Propagation: container.PropagationRShared}, container.ErrUnsupported},
		{`.Propagation "some"`, container.Mount{Source: "/tmp", Target: "/x", Propagation: "some"}, container.ErrInvalidArgument},
		{".Propagation", container.Mount{Type: container.MountVolume, Target: "/x", Propagation: "rslave"}, container.ErrInvalidArgument},
		{".Source: name an image", container.Mount{Type: container.MountImage, Target: "/x"}, container.ErrInvalidArgument},
		{`.Source "../x"`, container.Mount{Type: container.MountVolume, Source: "../x", Target: "/x"}, container.ErrInvalidArgument},
	} {
		t.Run(tc.text, func(t *testing.T) {
			_, err := e.Create(t.Context(), container.Options{Image: testImage, Mounts: []container.Mount{tc.m}})
			require.ErrorIs(t, err, tc.want)
			assert.ErrorContains(t, err, "Options.Mounts[0]"+tc.text)
		})
	}
}

func TestModifySpec(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	calls := 0
	opts := container.Options{
		Image: testImage, Cmd: []string{"chain", "env", ";", "cat", "/proc/sys/kernel/hostname"}, Networking: container.NetworkingConfig{Hostname: "before"}, Env: []string{"A=1"},
		ModifySpec: func(s *specs.Spec) error {
			calls++
			s.Hostname = "after"
			s.Process.Env = append(s.Process.Env, "B=2")
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/extra", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=700"}})
			return nil
		},
	}
	c := create(t, e, opts)
	for i := 1; i <= 2; i++ {
		require.NoError(t, c.Start(t.Context()))
		_, err := c.Wait(soon(t))
		require.NoError(t, err)
		var out strings.Builder
		require.NoError(t, c.Logs(t.Context(), container.LogsOptions{Stdout: &out}))
		assert.Equal(t, i, strings.Count(out.String(), "\nafter\n"))
		assert.Equal(t, i, strings.Count(out.String(), "B=2\n"))
	}
	assert.Equal(t, 1, calls, "once, at Create")

	broken := errors.New("not this one")
	opts.ModifySpec, opts.Name = func(*specs.Spec) error { return broken }, "never"
	_, err := e.Create(t.Context(), opts)
	require.ErrorIs(t, err, broken)
	_, err = e.Get(t.Context(), "never")
	require.ErrorIs(t, err, container.ErrNotFound, "what was made is undone")
	opts.ModifySpec = func(s *specs.Spec) error { s.Process = nil; return nil }
	_, err = e.Create(t.Context(), opts)
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	assert.ErrorContains(t, err, "ModifySpec")

	ctx, cancel := context.WithCancel(t.Context())
	opts.ModifySpec = func(*specs.Spec) error { cancel(); return nil }
	_, err = e.Create(ctx, opts)
	require.ErrorIs(t, err, context.Canceled)
	opts.Image, opts.ModifySpec = "", func(*specs.Spec) error { return nil }
	_, err = e.Create(t.Context(), opts)
	require.ErrorIs(t, err, container.ErrInvalidArgument)
}

func TestReadEnvFile(t *testing.T) {
	t.Parallel()
	getenv := func(k string) (string, bool) { return "of " + k, k == "HERE" }
	env, err := container.ReadEnvFile(strings.NewReader("\ufeffA=1\n# no\n\n  B=\"x y\" # kept\nHERE\nGONE\nC=\n"), getenv)
	require.NoError(t, err)
	assert.Equal(t, []string{"A=1", `B="x y" # kept`, "HERE=of HERE", "C="}, env)
	env, err = container.ReadEnvFile(strings.NewReader("HERE\n"), nil)
	require.NoError(t, err)
	assert.Empty(t, env)
	for text, line := range map[string]string{"line 2": "A=1\n=x\n", `"a b"`: "a b=1\n", "UTF-8": "A=\xff\n", "zero": "A=\x00\n"} {
		_, err := container.ReadEnvFile(strings.NewReader(line), nil)
		require.ErrorIs(t, err, container.ErrInvalidArgument)
		assert.ErrorContains(t, err, text)
	}
}
