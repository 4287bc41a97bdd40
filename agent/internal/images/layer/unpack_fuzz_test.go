//go:build linux

package layer_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/require"
	"github.com/vbatts/tar-split/tar/asm"
	"github.com/vbatts/tar-split/tar/storage"
	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func file(name string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: 1}
}

func dir(name string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: 0o755}
}

func link(kind byte, name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: kind, Linkname: to, Mode: 0o777}
}

// layers are what the fuzzer begins with: all kinds of entries, and the ways of leading out that are known.
var layers = map[string][]tar.Header{
	"empty":                     nil,
	"files":                     {dir("d/"), file("d/x"), file("y")},
	"all kinds":                 {link(tar.TypeSymlink, "s", "t"), file("t"), link(tar.TypeLink, "h", "t"), {Name: "p", Typeflag: tar.TypeFifo}, {Name: "c", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
	"absolute":                  {file("/etc/x")},
	"dots":                      {file("../../../beside"), file("a/../../b/./c")},
	"link, then through it":     {link(tar.TypeSymlink, "l", "/t"), dir("t"), file("l/x")},
	"through a relative link":   {link(tar.TypeSymlink, "l", "../../.."), file("l/beside")},
	"through links of links":    {link(tar.TypeSymlink, "a", "b"), link(tar.TypeSymlink, "b", "c/d"), dir("c/d"), file("a/x"), file("c/x")},
	"a loop":                    {link(tar.TypeSymlink, "a", "b"), link(tar.TypeSymlink, "b", "a"), file("a/x")},
	"a file, then a link of it": {file("d/beside"), link(tar.TypeSymlink, "d", "..")},
	"its directory, by a link":  {file("d/beside"), link(tar.TypeSymlink, "l", "."), link(tar.TypeSymlink, "l/d", "..")},
	"a file by a link":          {file("x"), link(tar.TypeSymlink, "l", "."), link(tar.TypeSymlink, "l/x", "../beside")},
	"a link out, with a size":   {{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../beside", Size: 6}},
	"hard link out":             {link(tar.TypeLink, "h", "../../beside"), file("h")},
	"whiteouts":                 {dir("d"), {Name: "d/.wh..wh..opq", Typeflag: tar.TypeReg}, {Name: ".wh.x", Typeflag: tar.TypeReg}},
	"whiteout after":            {file("d/beside"), {Name: ".wh.d", Typeflag: tar.TypeReg}, link(tar.TypeSymlink, "d", "..")},
	"whiteout before":           {{Name: ".wh.d", Typeflag: tar.TypeReg}, dir("d"), file("d/x")},
	"whiteout of the parent":    {{Name: ".wh...", Typeflag: tar.TypeReg}},
	"attributes":                {{Name: "x", Typeflag: tar.TypeReg, PAXRecords: map[string]string{"SCHILY.xattr.user.a": "b", "SCHILY.xattr.trusted.overlay.opaque": "y"}}},
	"long name":                 {file(strings.Repeat("x/", 200) + "y")},
	"no UTF-8":                  {file("\xff\xfe")},
	"global header":             {{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}, {Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "y"}}, file("x")},
	"sparse":                    {{Name: "x", Typeflag: tar.TypeReg, Size: 1, PAXRecords: map[string]string{"VENDOR.x": "y"}}},
}

func packed(t testing.TB, entries []tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range entries {
		size := h.Size
		if h.Typeflag != tar.TypeReg {
			h.Size = 0
		}
		at := b.Len()
		require.NoError(t, w.WriteHeader(&h), h.Name)
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write(bytes.Repeat([]byte("x"), int(size)))
			require.NoError(t, err)
		} else if size > 0 { // which the writer does not write
			require.NoError(t, w.Flush())
			resize(b.Bytes()[at:at+512], size)
		}
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

// resize gives a header a size, and the checksum that it has then.
func resize(h []byte, size int64) {
	copy(h[124:], fmt.Sprintf("%011o", size))
	copy(h[148:], "        ")
	sum := 0
	for _, b := range h {
		sum += int(b)
	}
	copy(h[148:], fmt.Sprintf("%06o\x00 ", sum))
}

// FuzzUnpack: whatever a layer has, nothing outside its directory is touched, when it is unpacked and when it is packed
// again; what is accepted comes back byte for byte, and what is refused is called broken.
func FuzzUnpack(f *testing.F) {
	testenv.Root(f)
	for _, entries := range layers {
		b := packed(f, entries)
		f.Add(b)
		f.Add(b[:len(b)*2/3])
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		_, err := zw.Write(b)
		require.NoError(f, err)
		require.NoError(f, zw.Close())
		f.Add(z.Bytes())
	}
	f.Add(append(packed(f, nil), "and what follows the end"...))
	f.Add([]byte("BZh9"))
	f.Add([]byte("\xfd7zXZ\x00"))
	f.Add([]byte("\x28\xb5\x2f\xfd\x00"))
	f.Fuzz(func(t *testing.T, layer []byte) { unpackAndPack(t, layer) })
}

// unpackAndPack returns what the unpacking says.
func unpackAndPack(t *testing.T, content []byte) error {
	outer := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outer, "beside"), []byte("beside"), 0o600))
	dest := filepath.Join(outer, "layer")
	require.NoError(t, os.Mkdir(dest, 0o700))
	var split bytes.Buffer
	guard, err := diskspace.NewGuard(t.Context(), dest)
	require.NoError(t, err)
	defer guard.Close()
	got, err := layer.Unpack(guard, dest, bufio.NewReader(bytes.NewReader(content)), &split, &archive.TarOptions{})
	left, rerr := os.ReadDir(outer)
	require.NoError(t, rerr)
	require.Len(t, left, 2)
	beside, rerr := os.ReadFile(filepath.Join(outer, "beside"))
	require.NoError(t, rerr)
	require.Equal(t, "beside", string(beside))
	if err != nil {
		err = transfer.Explain(t.Context(), "unpack", err)
		require.ErrorIs(t, err, api.ErrCorrupt)
		return err
	}
	differs, derr := layer.Compare(t.Context(), bytes.NewReader(split.Bytes()), dest, layer.CompareOptions{})
	require.NoError(t, derr)
	require.Empty(t, differs, "what was unpacked just now is not damaged")
	again, sum := &count{}, digest.Canonical.Digester()
	// As the storage driver does it; but the driver opens whatever the name leads to.
	require.NoError(t, asm.WriteOutputTarStream(within(dest), storage.NewJSONUnpacker(&split), io.MultiWriter(again, sum.Hash())))
	require.Equal(t, got.Size, again.n)
	require.Equal(t, got.DiffID, sum.Digest())
	return nil
}

type count struct{ n int64 }

func (c *count) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// within opens the regular files of a directory, and fails where the way to one leads over links or out.
type within string

func (dir within) Get(name string) (io.ReadCloser, error) {
	d, err := os.Open(string(dir))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	fd, err := unix.Openat2(int(d.Fd()), name, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		f.Close()
		return nil, fmt.Errorf("%s is no file", name)
	}
	return f, nil
}
