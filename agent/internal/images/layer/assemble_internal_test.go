package layer

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// unpacked unpacks a layer, and returns the directory, the file of notes and the tar.
func unpacked(t *testing.T) (diff, split string, content []byte) {
	t.Helper()
	testenv.Root(t)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o755},
		{Name: "d/f", Typeflag: tar.TypeReg, Mode: 0o644, Size: 5},
		{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "d"},
		{Name: "l/through", Typeflag: tar.TypeReg, Mode: 0o644, Size: 5},
		{Name: "empty", Typeflag: tar.TypeReg, Mode: 0o600},
	} {
		require.NoError(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, "hello"[:h.Size])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	content = bytes.Clone(b.Bytes())

	dir := t.TempDir()
	diff, split = filepath.Join(dir, "diff"), filepath.Join(dir, "split.gz")
	require.NoError(t, os.Mkdir(diff, 0o755))
	guard, err := diskspace.NewGuard(t.Context(), diff)
	require.NoError(t, err)
	defer guard.Close()
	var notes bytes.Buffer
	z := gzip.NewWriter(&notes)
	got, err := Unpack(guard, diff, bufio.NewReader(&b), z, &archive.TarOptions{})
	require.NoError(t, err)
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(split, notes.Bytes(), 0o600))
	assert.EqualValues(t, len(content), got.Size)
	assert.Equal(t, digest.FromBytes(content), got.DiffID)
	assert.Equal(t, []uint32{0}, got.UIDs)
	return diff, split, content
}

func TestAssembly(t *testing.T) {
	diff, split, content := unpacked(t)
	a, err := openAssembly(split, diff)
	require.NoError(t, err)
	got, err := io.ReadAll(a)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	assert.Equal(t, content, got, "byte for byte")
}

func TestAssemblyOfDamaged(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, diff, split string) error{
		"a file is gone":      func(_ *testing.T, diff, _ string) error { return os.Remove(filepath.Join(diff, "d", "f")) },
		"a file is too short": func(_ *testing.T, diff, _ string) error { return os.Truncate(filepath.Join(diff, "d", "f"), 2) },
		"a file is a link": func(t *testing.T, diff, _ string) error {
			require.NoError(t, os.Remove(filepath.Join(diff, "d", "f")))
			return os.Symlink("/etc/passwd", filepath.Join(diff, "d", "f"))
		},
		"notes are cut off": func(_ *testing.T, _, split string) error { return os.Truncate(split, 30) },
		"no notes":          func(_ *testing.T, _, split string) error { return os.Truncate(split, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			diff, split, _ := unpacked(t)
			require.NoError(t, damage(t, diff, split))
			a, err := openAssembly(split, diff)
			if err == nil {
				_, err = io.ReadAll(a)
				require.NoError(t, a.Close())
			}
			require.ErrorIs(t, err, api.ErrCorrupt)
			assert.ErrorContains(t, err, "a layer in the store is damaged")
		})
	}
}
