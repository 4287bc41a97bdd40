package untar_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/untar"
)

// FuzzDir: whatever an archive has, nothing is written outside the directory that it is for, and nothing panics.
func FuzzDir(f *testing.F) {
	for _, h := range [][]tar.Header{
		{{Name: "file", Typeflag: tar.TypeReg, Mode: 0o644}},
		{{Name: "../out", Typeflag: tar.TypeReg, Mode: 0o644}},
		{{Name: "/absolute", Typeflag: tar.TypeReg, Mode: 0o644}},
		{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "l/out", Typeflag: tar.TypeReg, Mode: 0o644}},
		{{Name: "h", Typeflag: tar.TypeLink, Linkname: "../beside"}, {Name: "h", Typeflag: tar.TypeReg, Mode: 0o644}},
		{{Name: "d", Typeflag: tar.TypeDir, Mode: 0}, {Name: "d/x", Typeflag: tar.TypeReg}},
		{{Name: "dev", Typeflag: tar.TypeBlock, Devmajor: 8}},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range h {
			require.NoError(f, w.WriteHeader(&h))
		}
		require.NoError(f, w.Close())
		f.Add(b.Bytes())
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		_, err := zw.Write(b.Bytes())
		require.NoError(f, err)
		require.NoError(f, zw.Close())
		f.Add(z.Bytes())
		f.Add(z.Bytes()[:z.Len()/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		outer := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(outer, "beside"), []byte("beside"), 0o600))
		dir := filepath.Join(outer, "dir")
		require.NoError(t, os.Mkdir(dir, 0o700))
		_ = untar.Dir(t.Context(), dir, bytes.NewReader(b)) // most are refused
		entries, err := os.ReadDir(outer)
		require.NoError(t, err)
		require.Len(t, entries, 2)
		beside, err := os.ReadFile(filepath.Join(outer, "beside"))
		require.NoError(t, err)
		require.Equal(t, "beside", string(beside))
		require.NoError(t, filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(p, 0o700) // or an ordinary user's TempDir could not go
			}
			return err
		}))
	})
}
