//go:build linux

package rootfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// tree makes a root with what the tests look up, and a file beside it that none of them may reach.
func tree(t *testing.T) string {
	outer := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outer, "beside"), []byte("beside"), 0o600))
	root := filepath.Join(outer, "root")
	require.NoError(t, os.MkdirAll(filepath.Join(root, "etc/conf.d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/passwd"), []byte("root"), 0o640))
	require.NoError(t, os.WriteFile(filepath.Join(root, "beside"), []byte("inside, really"), 0o600))
	for name, to := range map[string]string{
		"link": "etc/passwd", "abs": "/etc/passwd", "dir": "/etc", "up": "../beside", "far": "../../../../beside", "loop": "loop", "none": "nothing",
	} {
		require.NoError(t, os.Symlink(to, filepath.Join(root, name)))
	}
	return root
}

func TestStat(t *testing.T) {
	t.Parallel()
	v := openRoot(t, tree(t))
	for _, c := range []struct {
		name   string
		follow bool
		base   string
		mode   fs.FileMode
		size   int64
		link   string
		err    error
	}{
		{name: "/", base: "/", mode: fs.ModeDir},
		{name: "", base: "/", mode: fs.ModeDir},
		{name: "/etc/passwd", base: "passwd", size: 4},
		{name: "etc/../etc//passwd", base: "passwd", size: 4},
		{name: "../../../etc/passwd", base: "passwd", size: 4},
		{name: "/etc/", base: "etc", mode: fs.ModeDir},
		{name: "/link", base: "link", mode: fs.ModeSymlink, link: "etc/passwd"},
		{name: "/link", follow: true, base: "link", size: 4},
		{name: "/abs", follow: true, base: "abs", size: 4},
		{name: "/dir", base: "dir", mode: fs.ModeSymlink, link: "/etc"},
		{name: "/dir/", base: "dir", mode: fs.ModeDir},
		{name: "/dir/.", base: "dir", mode: fs.ModeDir},
		{name: "/dir/passwd", base: "passwd", size: 4},
		{name: "/up", follow: true, base: "up", size: 14}, // .. of the root is the root
		{name: "/far", follow: true, base: "far", size: 14},
		{name: "/loop", base: "loop", mode: fs.ModeSymlink, link: "loop"},
		{name: "/loop", follow: true, err: api.ErrInvalidArgument},
		{name: "/none", follow: true, err: api.ErrNotFound},
		{name: "/nothing", err: api.ErrNotFound},
		{name: "/etc/passwd/", err: api.ErrInvalidArgument},
		{name: "/etc/passwd/x", err: api.ErrInvalidArgument},
	} {
		info, err := v.stat(c.name, c.follow)
		if c.err != nil {
			require.ErrorIs(t, err, c.err, c.name)
			assert.ErrorContains(t, err, "container 0123456789ab: "+c.name)
			continue
		}
		require.NoError(t, err, c.name)
		assert.Equal(t, c.base, info.Name, c.name)
		assert.Equal(t, c.mode, info.Mode.Type(), c.name)
		assert.Equal(t, c.link, info.LinkTarget, c.name)
		if c.size != 0 {
			assert.Equal(t, c.size, info.Size, c.name)
		}
	}
}

func TestFileInfo(t *testing.T) {
	t.Parallel()
	root := tree(t)
	at := time.Unix(1700000000, 5)
	require.NoError(t, os.Chtimes(filepath.Join(root, "etc/passwd"), at, at))
	require.NoError(t, os.Chmod(filepath.Join(root, "etc/passwd"), 0o4751|fs.ModeSetuid))
	info, err := openRoot(t, root).stat("/etc/passwd", false)
	require.NoError(t, err)
	assert.True(t, info.ModTime.Equal(at))
	assert.Equal(t, fs.FileMode(0o751)|fs.ModeSetuid, info.Mode)
	assert.Equal(t, os.Getuid(), info.UID)
	assert.Equal(t, os.Getgid(), info.GID)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	v := &View{id: "0123456789abcdef"}
	require.NoError(t, v.explain("/x", nil))
	for from, to := range map[error]error{
		unix.ENOENT: api.ErrNotFound, unix.ENOTDIR: api.ErrInvalidArgument, unix.ELOOP: api.ErrInvalidArgument, unix.EISDIR: api.ErrInvalidArgument,
		unix.EXDEV: api.ErrInvalidArgument, unix.EROFS: api.ErrPermission,
	} {
		err := v.explain("/x", &fs.PathError{Op: "open", Path: "/store/of/ours", Err: from})
		require.ErrorIs(t, err, to)
		assert.NotContains(t, err.Error(), "/store")
	}
	err := v.explain("/x", &fs.PathError{Op: "open", Path: "/store/of/ours", Err: unix.EIO})
	assert.EqualError(t, err, "container 0123456789ab: /x: input/output error")
}

func TestMakeDirs(t *testing.T) {
	t.Parallel()
	root := tree(t)
	v := openRoot(t, root)
	made := 0
	for _, c := range []struct {
		name string
		made int
		at   string
	}{
		{"/", 0, "."},
		{"/etc", 0, "etc"},
		{"/a/b/c", 3, "a/b/c"},
		{"/a/b/d", 1, "a/b/d"},
		{"/dir/x", 1, "etc/x"},
	} {
		made = 0
		h, err := makeDirs(v.root, c.name, func(*os.File) error { made++; return nil })
		require.NoError(t, err, c.name)
		require.NoError(t, sameRoot(h, filepath.Join(root, c.at)))
		h.Close()
		assert.Equal(t, c.made, made, c.name)
	}
	st, err := os.Stat(filepath.Join(root, "a/b"))
	require.NoError(t, err)
	assert.EqualValues(t, 0o755, st.Mode().Perm())
	_, err = makeDirs(v.root, "/etc/passwd/x", nil)
	require.ErrorIs(t, v.explain("/etc/passwd/x", err), api.ErrInvalidArgument)
	boom := errors.New("boom")
	_, err = makeDirs(v.root, "/new", func(*os.File) error { return boom })
	require.ErrorIs(t, err, boom)
}

func TestSameRoot(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	v := openRoot(t, dir)
	require.NoError(t, sameRoot(v.root, dir))
	require.ErrorIs(t, sameRoot(v.root, other), ErrGone)
}

func TestClose(t *testing.T) {
	t.Parallel()
	root, err := openPath(t.TempDir())
	require.NoError(t, err)
	var order []string
	v := &View{root: root, release: func() error { order = append(order, "unmount"); return nil }}
	v.WhenClosed(func(release func() error) error {
		err := release()
		order = append(order, "unlock")
		return err
	})
	require.NoError(t, v.Close())
	assert.Equal(t, []string{"unmount", "unlock"}, order)
	require.ErrorIs(t, root.Close(), os.ErrClosed)
}
