package host

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/testenv"
)

// privateMounts gives the test a mount namespace of its own.
func privateMounts(t *testing.T) {
	t.Helper()
	testenv.Root(t)
	runtime.LockOSThread() // never unlocked: the thread ends with the test's goroutine
	require.NoError(t, unix.Unshare(unix.CLONE_FS|unix.CLONE_NEWNS))
	require.NoError(t, unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
}

func mount(t *testing.T, dir string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o700))
	require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"))
	return dir
}

// TestUnmountBelow: all at and below a directory goes, also what covers another, and nothing beside it.
func TestUnmountBelow(t *testing.T) {
	dir := t.TempDir()
	privateMounts(t)
	top := mount(t, filepath.Join(dir, "top"))
	mount(t, top)
	mount(t, filepath.Join(top, "with a space", "deep"))
	mount(t, filepath.Join(top, `with\backslash`))
	beside := mount(t, filepath.Join(dir, "top-beside"))
	require.NoError(t, UnmountBelow(top, filepath.Join(dir, "none")))
	left, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	require.NoError(t, err)
	require.Len(t, left, 1)
	assert.Equal(t, beside, left[0].Mountpoint)
	require.NoError(t, UnmountBelow(dir))
}

// TestPrivateMount: a mount whose peers get nothing is told from one whose do.
func TestPrivateMount(t *testing.T) {
	dir := t.TempDir()
	privateMounts(t)
	top := mount(t, filepath.Join(dir, "top"))
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink(top, link))
	at, err := PrivateMount(link)
	require.NoError(t, err)
	assert.Equal(t, top, at)
	require.NoError(t, unix.Mount("", top, "", unix.MS_SHARED, ""))
	at, err = PrivateMount(link)
	require.NoError(t, err)
	assert.Empty(t, at)
	require.NoError(t, UnmountBelow(dir))
	_, err = PrivateMount(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestCgroupFile: what the kernel has for a controller is found below the root.
func TestCgroupFile(t *testing.T) {
	testenv.Root(t)
	h, err := Find()
	require.NoError(t, err)
	if err := h.CanLimit("memory"); err != nil {
		t.Skip("no cgroups of memory here:", err)
	}
	assert.True(t, h.CgroupFile("memory", "memory.limit_in_bytes", "memory.max"))
	assert.False(t, h.CgroupFile("memory", "memory.no-such"))
}
