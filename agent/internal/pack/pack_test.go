//go:build linux

package pack_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
)

// entries writes what add adds, and reads it again.
func entries(t *testing.T, add func(*pack.Packer) error) (map[string]*tar.Header, map[string]string, []string) {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, pack.Write(&b, add))
	headers, contents := map[string]*tar.Header{}, map[string]string{}
	var order []string
	for tr := tar.NewReader(&b); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents, order
		}
		require.NoError(t, err)
		content, err := io.ReadAll(tr)
		require.NoError(t, err)
		headers[h.Name], contents[h.Name] = h, string(content)
		order = append(order, h.Name)
	}
}

func open(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f
}

func TestContent(t *testing.T) {
	dir := t.TempDir()
	at := time.Unix(1_000_000, 0)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "d", "e"), 0o755))
	file := filepath.Join(dir, "d", "f")
	require.NoError(t, os.WriteFile(file, []byte("content"), 0o600))
	require.NoError(t, os.Chmod(file, os.ModeSetuid|0o751))
	require.NoError(t, os.Chtimes(file, at, at))
	require.NoError(t, os.Link(file, filepath.Join(dir, "g")))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "l")))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "p"), 0o644))
	s, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	defer s.Close()

	headers, contents, order := entries(t, func(p *pack.Packer) error { return p.Content(open(t, dir)) })
	assert.Equal(t, []string{"d/", "d/e/", "d/f", "g", "l", "p"}, order, "in order of names, without the socket")
	f := headers["d/f"]
	assert.EqualValues(t, 0o4751, f.Mode)
	assert.Equal(t, "content", contents["d/f"])
	assert.True(t, f.ModTime.Equal(at), f.ModTime)
	assert.Equal(t, os.Geteuid(), f.Uid)
	assert.Equal(t, byte(tar.TypeLink), headers["g"].Typeflag, "the second name of a file is a link to the first")
	assert.Equal(t, "d/f", headers["g"].Linkname)
	assert.Equal(t, "/etc/passwd", headers["l"].Linkname)
	assert.Equal(t, byte(tar.TypeFifo), headers["p"].Typeflag)
}

// Add gives the top another name, and does not follow it if it is a link.
func TestAdd(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("x"), 0o600))
	require.NoError(t, os.Symlink("f", filepath.Join(dir, "l")))
	_, contents, order := entries(t, func(p *pack.Packer) error { return p.Add(open(t, dir), "as") })
	assert.Equal(t, []string{"as/", "as/f", "as/l"}, order)
	assert.Equal(t, "x", contents["as/f"])
	headers, _, _ := entries(t, func(p *pack.Packer) error { return p.Add(open(t, filepath.Join(dir, "l")), "l") })
	assert.Equal(t, "f", headers["l"].Linkname)
}

func TestXattrs(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	if err := unix.Setxattr(file, "user.a", []byte("b\x00c"), 0); err != nil {
		t.Skip("the file system has no attributes of users: ", err)
	}
	headers, _, _ := entries(t, func(p *pack.Packer) error { return p.Content(open(t, dir)) })
	assert.Equal(t, "b\x00c", headers["f"].PAXRecords[pack.XattrKey+"user.a"])
	for name, want := range map[string]bool{
		"user.a": true, "security.capability": true, "security.selinux": false, "trusted.overlay.opaque": false, "system.posix_acl_access": false,
	} {
		assert.Equal(t, want, pack.KeepXattr(name), name)
	}
}

// The length of a file of the kernel's is known when it is read.
func TestKernelFiles(t *testing.T) {
	headers, contents, _ := entries(t, func(p *pack.Packer) error { return p.Add(open(t, "/proc/self/comm"), "comm") })
	require.NotEmpty(t, contents["comm"])
	assert.EqualValues(t, len(contents["comm"]), headers["comm"].Size)
}

// A hostile container's tree may be deeper than any stack: it is refused.
func TestDeep(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes seconds to get that deep")
	}
	t.Parallel()
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	for range 2100 {
		require.NoError(t, unix.Mkdirat(fd, "d", 0o755))
		next, err := unix.Openat(fd, "d", unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		require.NoError(t, err)
		require.NoError(t, unix.Close(fd))
		fd = next
	}
	require.NoError(t, unix.Close(fd))
	err = pack.Write(io.Discard, func(p *pack.Packer) error { return p.Content(open(t, dir)) })
	assert.ErrorContains(t, err, "more than 2048 directories deep")
}

func TestBare(t *testing.T) {
	assert.Equal(t, unix.ENOENT, pack.Bare(&os.PathError{Op: "open", Path: "/secret", Err: unix.ENOENT}))
	other := errors.New("x")
	assert.Equal(t, other, pack.Bare(other))
}
