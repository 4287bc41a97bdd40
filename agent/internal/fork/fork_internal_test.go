//go:build linux

package fork

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	of := container.Options{
		Image: "app:1", Name: "first", Cmd: []string{"serve"}, Labels: map[string]string{"a": "1", "b": "1"}, Detach: true,
		Mounts: []container.Mount{
			{Type: container.MountVolume, Source: "data", Target: "/data"},
			{Type: container.MountVolume, Source: "read", Target: "/read", ReadOnly: true},
			{Type: container.MountBind, Source: "/srv", Target: "/srv"},
		},
		Ports: []container.Port{{Container: 80, Host: 8080, HostLast: 8090, HostIP: netip.MustParseAddr("0.0.0.0")}},
		Networking: container.NetworkingConfig{Hostname: "db", Endpoints: []container.Endpoint{
			{Network: "net", Aliases: []string{"db"}, IPv4: netip.MustParseAddr("10.0.0.2"), IPv6: netip.MustParseAddr("fd00::2"), MAC: "02:42:0a:00:00:02"},
		}},
		Lifecycle: container.LifecycleConfig{IdleTimeout: time.Minute, StopTimeout: time.Second},
	}
	want := container.Options{
		Image: "sha256:1", Pull: image.PullNever, Cmd: []string{"serve"}, Labels: map[string]string{"a": "1", "b": "2"},
		Mounts: []container.Mount{
			{Type: container.MountVolume, Target: "/data"},
			{Type: container.MountVolume, Source: "read", Target: "/read", ReadOnly: true},
			{Type: container.MountBind, Source: "/srv", Target: "/srv"},
		},
		Ports:      []container.Port{{Container: 80, HostIP: netip.MustParseAddr("0.0.0.0")}},
		Networking: container.NetworkingConfig{Hostname: "db", Endpoints: []container.Endpoint{{Network: "net", Aliases: []string{"db"}}}},
		Lifecycle:  container.LifecycleConfig{StopTimeout: time.Second},
	}
	assert.Equal(t, want, Options(of, "sha256:1", container.ForkOptions{Labels: map[string]string{"b": "2"}}))
	assert.Equal(t, "data", of.Mounts[0].Source, "the original's stay")
	assert.Equal(t, "1", of.Labels["b"])
	assert.EqualValues(t, 8080, of.Ports[0].Host)
	assert.Equal(t, "10.0.0.2", of.Networking.Endpoints[0].IPv4.String())

	got := Options(of, "sha256:1", container.ForkOptions{Name: "second", Detach: true})
	assert.Equal(t, "second", got.Name)
	assert.True(t, got.Detach)
	assert.Equal(t, time.Minute, got.Lifecycle.IdleTimeout)
	assert.Equal(t, map[string]string{"x": "y"}, Options(container.Options{}, "i", container.ForkOptions{Labels: map[string]string{"x": "y"}}).Labels)
}

func TestVolumes(t *testing.T) {
	t.Parallel()
	volume := func(target, name string) container.Mount {
		return container.Mount{Type: container.MountVolume, Target: target, Source: name}
	}
	of := []container.Mount{volume("/a", "1"), volume("/b", "named"), volume("/c", "read"), {Type: container.MountBind, Target: "/d", Source: "4"}}
	forked := []container.Mount{volume("/a", "11"), volume("/b", "12"), volume("/c", "read"), {Type: container.MountBind, Target: "/d", Source: "4"}}
	assert.Equal(t, []pair{{"v/1", "v/11"}, {"v/named", "v/12"}}, volumes(of, forked, []string{"11", "12"}, func(name string) string { return "v/" + name }))
}

func TestTree(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	at := func(dir, name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.MkdirAll(at(from, "dir/below"), 0o755))
	require.NoError(t, os.WriteFile(at(from, "dir/file"), []byte("content"), 0o640))
	require.NoError(t, os.Chmod(at(from, "dir/file"), 0o640|os.ModeSetuid))
	require.NoError(t, os.WriteFile(at(from, "secret"), []byte("s"), 0))
	require.NoError(t, os.Link(at(from, "dir/file"), at(from, "dir/below/other")))
	require.NoError(t, os.Symlink("../nowhere", at(from, "link")))
	require.NoError(t, unix.Mkfifo(at(from, "pipe"), 0o622))
	require.NoError(t, os.WriteFile(at(from, "sparse"), nil, 0o600))
	require.NoError(t, os.Truncate(at(from, "sparse"), 1<<30))
	require.NoError(t, unix.Setxattr(at(from, "dir"), "user.note", []byte("kept"), 0))
	require.NoError(t, unix.Setxattr(at(from, "dir"), "user.overlay.origin", []byte("not"), 0))
	require.NoError(t, unix.Setxattr(at(from, "dir"), "user.overlay.opaque", []byte("y"), 0))
	require.NoError(t, unix.Mknod(at(from, "gone"), unix.S_IFCHR, 0), "a whiteout")
	root := os.Geteuid() == 0
	if root {
		require.NoError(t, os.Chown(at(from, "dir/below"), 1, 2))
		require.NoError(t, os.Lchown(at(from, "link"), 3, 4))
		require.NoError(t, unix.Setxattr(at(from, "dir"), "trusted.overlay.opaque", []byte("y"), 0))
	}
	old := time.Unix(1_000_000_000, 123456789)
	for _, name := range []string{"dir/file", "dir", ""} {
		require.NoError(t, os.Chtimes(at(from, name), old, old))
	}
	require.NoError(t, os.Chmod(from, 0o711))

	require.NoError(t, Tree(t.Context(), from, to))
	for _, name := range []string{"", "dir", "dir/below", "dir/file", "secret", "link", "pipe", "sparse", "gone"} {
		a, err := os.Lstat(at(from, name))
		require.NoError(t, err)
		b, err := os.Lstat(at(to, name))
		require.NoError(t, err)
		x, y := a.Sys().(*syscall.Stat_t), b.Sys().(*syscall.Stat_t)
		assert.Equal(t, x.Mode, y.Mode, name)
		assert.Equal(t, [2]uint32{x.Uid, x.Gid}, [2]uint32{y.Uid, y.Gid}, name)
		assert.Equal(t, x.Mtim, y.Mtim, name)
		assert.Equal(t, x.Rdev, y.Rdev, name)
		if name != "" && name != "dir" {
			assert.Equal(t, x.Size, y.Size, name)
		}
		assert.Less(t, y.Blocks, int64(1000), name)
	}
	b, err := os.ReadFile(at(to, "dir/file"))
	require.NoError(t, err)
	assert.Equal(t, "content", string(b))
	x, err := os.Stat(at(to, "dir/file"))
	require.NoError(t, err)
	y, err := os.Stat(at(to, "dir/below/other"))
	require.NoError(t, err)
	assert.True(t, os.SameFile(x, y), "names of one file")
	target, err := os.Readlink(at(to, "link"))
	require.NoError(t, err)
	assert.Equal(t, "../nowhere", target)
	attribute := func(name string) string {
		value := make([]byte, 100)
		n, err := unix.Getxattr(at(to, "dir"), name, value)
		if err != nil {
			return err.Error()
		}
		return string(value[:n])
	}
	assert.Equal(t, "kept", attribute("user.note"))
	assert.Equal(t, "y", attribute("user.overlay.opaque"))
	assert.Equal(t, unix.ENODATA.Error(), attribute("user.overlay.origin"))
	if root {
		assert.Equal(t, "y", attribute("trusted.overlay.opaque"))
	}
}

func TestTreeEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(api.ErrAgentGone)
	require.ErrorIs(t, Tree(ctx, t.TempDir(), t.TempDir()), api.ErrAgentGone)
	require.ErrorIs(t, Tree(t.Context(), filepath.Join(t.TempDir(), "none"), t.TempDir()), os.ErrNotExist)
}
