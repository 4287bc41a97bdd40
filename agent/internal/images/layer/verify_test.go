//go:build linux

package layer_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"
	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// rich has everything that a layer can have.
var rich = []tar.Header{
	{Name: "./", Typeflag: tar.TypeDir, Mode: 0o700},
	dir("etc"), file("etc/passwd"), {Name: "etc/shadow", Typeflag: tar.TypeReg, Mode: 0o640, Gid: 42, Size: 1},
	file("usr/bin/tool"), // nothing says what usr is like
	{Name: "usr/bin/su", Typeflag: tar.TypeReg, Mode: 0o4755, Size: 1},
	{Name: "usr/bin/ping", Typeflag: tar.TypeReg, Mode: 0o755, Size: 1, PAXRecords: map[string]string{
		"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"SCHILY.xattr.user.note":           "x",
	}},
	link(tar.TypeLink, "usr/bin/again", "usr/bin/tool"),
	link(tar.TypeSymlink, "bin", "usr/bin"), file("bin/through"),
	{Name: "tmp", Typeflag: tar.TypeDir, Mode: 0o1777},
	{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o600}, {Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666},
	{Name: "etc/.wh.gone", Typeflag: tar.TypeReg}, dir("opt"), {Name: "opt/.wh..wh..opq", Typeflag: tar.TypeReg},
	{Name: ".wh.srv", Typeflag: tar.TypeReg}, dir("srv"),
	file("twice"), {Name: "other", Typeflag: tar.TypeReg, Mode: 0o600, Uid: 7, Gid: 8, Size: 1},
}

// unpackRich unpacks it, and returns the directory and the notes.
func unpackRich(t *testing.T) (dest string, split []byte) {
	t.Helper()
	dest = filepath.Join(t.TempDir(), "layer")
	require.NoError(t, os.Mkdir(dest, 0o755))
	guard, err := diskspace.NewGuard(t.Context(), dest)
	require.NoError(t, err)
	defer guard.Close()
	var notes bytes.Buffer
	_, err = layer.Unpack(guard, dest, bufio.NewReader(bytes.NewReader(packed(t, rich))), &notes, &archive.TarOptions{})
	require.NoError(t, err)
	return dest, notes.Bytes()
}

// TestCompare: a layer that is as it was unpacked has no differences, and each damage is told by the name of its file.
func TestCompare(t *testing.T) {
	testenv.Root(t)
	in := func(f func(path string) error, name string) func(string) error {
		return func(dir string) error { return f(filepath.Join(dir, name)) }
	}
	swap := func(make func(path string) error, name string) func(string) error {
		return in(func(p string) error {
			if err := os.Remove(p); err != nil {
				return err
			}
			return make(p)
		}, name)
	}
	empty := func(p string) error { return os.WriteFile(p, nil, 0o644) }
	opaque := archive.GetOverlayXattrName("opaque")
	for name, c := range map[string]struct {
		damage func(dir string) error
		says   string
	}{
		"nothing":                {func(string) error { return nil }, ""},
		"of what is not known":   {in(func(p string) error { return os.Chmod(p, 0o711) }, "usr"), ""},
		"a file is shorter":      {in(func(p string) error { return os.Truncate(p, 0) }, "etc/passwd"), `"etc/passwd": its size is 0 and must be 1`},
		"a file is gone":         {in(os.Remove, "etc/passwd"), `"etc/passwd": it is missing`},
		"a directory is gone":    {in(os.RemoveAll, "usr"), `"usr": it is missing`},
		"a file more":            {in(empty, "usr/virus"), `"usr/virus": it is not in the layer's archive`},
		"a directory more":       {in(func(p string) error { return os.Mkdir(p, 0o755) }, "etc/gone2"), `"etc/gone2": it is not in the layer's archive`},
		"a whiteout more":        {in(func(p string) error { return unix.Mknod(p, unix.S_IFCHR, 0) }, "etc/hidden"), `"etc/hidden": it is not in the layer's archive`},
		"a whiteout is gone":     {in(os.Remove, "etc/gone"), `"etc/gone": it is missing`},
		"not opaque":             {in(func(p string) error { return unix.Removexattr(p, opaque) }, "opt"), `"opt": it hides the directory of the layers below: false`},
		"opaque":                 {in(func(p string) error { return unix.Setxattr(p, opaque, []byte("y"), 0) }, "etc"), `"etc": it hides the directory of the layers below: true`},
		"a mode":                 {in(func(p string) error { return os.Chmod(p, 0o666) }, "etc/passwd"), `"etc/passwd": its mode is 0666 and must be 0644`},
		"a directory's mode":     {in(func(p string) error { return os.Chmod(p, 0o777) }, "tmp"), `"tmp": its mode is 0777 and must be 1777`},
		"set-user-id is gone":    {in(func(p string) error { return os.Chmod(p, 0o755) }, "usr/bin/su"), `"usr/bin/su": its mode is 0755 and must be 4755`},
		"an owner":               {in(func(p string) error { return os.Lchown(p, 7, 9) }, "other"), `"other": its owner is 7:9 and must be 7:8`},
		"a capability is gone":   {in(func(p string) error { return unix.Removexattr(p, "security.capability") }, "usr/bin/ping"), "extended attribute security.capability"},
		"an attribute changed":   {in(func(p string) error { return unix.Setxattr(p, "user.note", []byte("y"), 0) }, "usr/bin/ping"), "extended attribute user.note"},
		"a link leads away":      {swap(func(p string) error { return os.Symlink("/tmp", p) }, "bin"), `"bin": it links to "/tmp" and must link to "usr/bin"`},
		"a link is missing":      {in(os.Remove, "usr/bin/again"), `"usr/bin/again": it is missing`},
		"a hard link is a copy":  {swap(func(p string) error { return os.WriteFile(p, []byte("x"), 0o644) }, "usr/bin/again"), "it must be a link to the same file"},
		"another type":           {swap(empty, "pipe"), `"pipe": it is a file and must be a FIFO`},
		"another device":         {swap(func(p string) error { return unix.Mknod(p, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))) }, "null"), `"null": it is device 1:5 and must be 1:3`},
		"a directory is renamed": {in(func(p string) error { return os.Rename(p, p+"2") }, "tmp"), `"tmp": it is missing`},
		"all files are empty": {func(dir string) error {
			return filepath.WalkDir(dir, func(p string, e os.DirEntry, err error) error {
				if err == nil && e.Type().IsRegular() {
					err = os.Truncate(p, 0)
				}
				return err
			})
		}, "its size is 0"},
	} {
		t.Run(name, func(t *testing.T) {
			dest, split := unpackRich(t)
			require.NoError(t, c.damage(dest))
			differs, err := layer.Compare(t.Context(), bytes.NewReader(split), dest, layer.CompareOptions{})
			require.NoError(t, err)
			if c.says == "" {
				require.Empty(t, differs)
				return
			}
			require.Contains(t, strings.Join(differs, "\n"), c.says)
		})
	}
}

// TestCompareMany: a layer with very many differences does not make a very long report.
func TestCompareMany(t *testing.T) {
	testenv.Root(t)
	dest, split := unpackRich(t)
	for i := range 100 {
		require.NoError(t, os.WriteFile(filepath.Join(dest, "etc", strings.Repeat("x", i+1)), nil, 0o600))
	}
	differs, err := layer.Compare(t.Context(), bytes.NewReader(split), dest, layer.CompareOptions{})
	require.NoError(t, err)
	require.Len(t, differs, 21)
	require.Equal(t, "and 80 more differences", differs[20])
}

// TestCompareNotes: notes that are cut off are damage.
func TestCompareNotes(t *testing.T) {
	testenv.Root(t)
	dest, split := unpackRich(t)
	for name, notes := range map[string][]byte{"empty": nil, "cut off": split[:len(split)/2], "zeros": make([]byte, 100)} {
		differs, err := layer.Compare(t.Context(), bytes.NewReader(notes), dest, layer.CompareOptions{})
		require.NoError(t, err, name)
		require.NotEmpty(t, differs, name)
	}
}

// TestCompareUpstream: what containers/storage unpacks itself, as for a committed layer, has no differences either.
func TestCompareUpstream(t *testing.T) {
	testenv.Root(t)
	accepted := 0
	try := func(entries []tar.Header) {
		dest := filepath.Join(t.TempDir(), "layer")
		require.NoError(t, os.Mkdir(dest, 0o755))
		var split bytes.Buffer
		in, done, err := asm.NewInputTarStreamWithDone(bytes.NewReader(packed(t, entries)), storage.NewJSONPacker(&split), storage.NewDiscardFilePutter())
		require.NoError(t, err)
		defer in.Close()
		err = archive.Unpack(in, dest, &archive.TarOptions{WhiteoutFormat: archive.OverlayWhiteoutFormat})
		_, rest := io.Copy(io.Discard, in)
		rest = errors.Join(rest, <-done)
		if err != nil || rest != nil {
			return
		}
		accepted++
		differs, err := layer.Compare(t.Context(), &split, dest, layer.CompareOptions{})
		require.NoError(t, err)
		assert.Empty(t, differs)
	}
	try(rich)
	require.Equal(t, 1, accepted)
	for _, entries := range layers {
		try(entries)
	}
	t.Log(accepted, "of", len(layers), "unpacked")
}
