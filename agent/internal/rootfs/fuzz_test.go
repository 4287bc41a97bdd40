//go:build linux

package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/pack"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// FuzzCopyTo: whatever a stream has that is copied into a container, nothing outside its root is touched, and what is
// refused is called invalid. What has arrived can be copied out, in again and out, and is the same.
func FuzzCopyTo(f *testing.F) {
	testenv.Root(f)
	link := func(kind byte, name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: kind, Linkname: to, Mode: 0o777}
	}
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644} }
	for _, headers := range [][]tar.Header{
		nil,
		{{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755}, file("d/x"), file("y")},
		{file("../../beside"), file("/beside"), file("a/../../../beside")},
		{link(tar.TypeSymlink, "l", "/../.."), file("l/beside")},
		{link(tar.TypeSymlink, "l", "../.."), file("l/beside")},
		{link(tar.TypeSymlink, "l", "../../beside"), file("l")},
		{link(tar.TypeSymlink, "l", "m"), link(tar.TypeSymlink, "m", "l"), file("l/x")},
		{link(tar.TypeSymlink, "l", "../.."), link(tar.TypeLink, "h", "l/beside"), file("h")},
		{link(tar.TypeLink, "h", "../../beside")},
		{file("x"), link(tar.TypeLink, "h", "x"), link(tar.TypeLink, "x", "x")},
		{{Name: "d/", Typeflag: tar.TypeDir}, link(tar.TypeLink, "h", "d"), file("d")},
		{link(tar.TypeSymlink, "d", ".."), {Name: "d/", Typeflag: tar.TypeDir, Mode: 0o777}},
		{{Name: "c", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, file("c"), {Name: "p", Typeflag: tar.TypeFifo}, file("p/x")},
		{{Name: "x", Typeflag: tar.TypeReg, Mode: 0o4755, Uid: 5, Gid: 6, PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b", "SCHILY.xattr.security.capability": "x"}}},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range headers {
			require.NoError(f, w.WriteHeader(&h))
		}
		require.NoError(f, w.Close())
		f.Add(b.Bytes())
		f.Add(b.Bytes()[:b.Len()*2/3])
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		outer := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(outer, "beside"), []byte("beside"), 0o600))
		root := filepath.Join(outer, "root")
		require.NoError(t, os.MkdirAll(filepath.Join(root, "in"), 0o755))
		err := copyInto(t, root, "/in", stream)
		left, rerr := os.ReadDir(outer)
		require.NoError(t, rerr)
		require.Len(t, left, 2)
		var st unix.Stat_t
		require.NoError(t, unix.Stat(filepath.Join(outer, "beside"), &st))
		require.EqualValues(t, 1, st.Nlink)
		require.EqualValues(t, 0o600, st.Mode&0o7777)
		beside, rerr := os.ReadFile(filepath.Join(outer, "beside"))
		require.NoError(t, rerr)
		require.Equal(t, "beside", string(beside))
		if err != nil {
			require.True(t, errors.Is(err, api.ErrInvalidArgument) || errors.Is(err, api.ErrNotFound), err)
			return
		}
		out := copyOut(t, root)
		again := t.TempDir()
		require.NoError(t, copyInto(t, again, "/", out))
		require.Equal(t, out, copyOut(t, again))
	})
}

func openRoot(t *testing.T, dir string) *View {
	root, err := openPath(dir)
	require.NoError(t, err)
	t.Cleanup(func() { root.Close() })
	return &View{id: "0123456789abcdef", root: root, path: dir, release: func() error { return nil }}
}

func copyInto(t *testing.T, root, dir string, stream []byte) error {
	u := &unpacker{v: openRoot(t, root), dir: dir, owner: owner{keep: true}}
	return u.unpack(bytes.NewReader(stream))
}

func copyOut(t *testing.T, root string) []byte {
	var b bytes.Buffer
	require.NoError(t, pack.Write(&b, func(p *pack.Packer) error { return p.Content(openRoot(t, root).root) }))
	return b.Bytes()
}
