//go:build linux

package layer_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.podman.io/storage/pkg/archive"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestMain(m *testing.M) { testenv.InMountNamespace(m) }

// manyEntries is a compressed layer of empty files, whose names name makes.
func manyEntries(t *testing.T, n int, name func(i int) string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := range n {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name(i), Typeflag: tar.TypeReg, Mode: 0o644}))
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

// TestTooManyEntries: the number of entries has a limit, directories that are only on the way to one count, and a file
// system's inodes are not used up.
func TestTooManyEntries(t *testing.T) {
	testenv.Root(t)
	flat := func(i int) string { return fmt.Sprint("d/", i) }
	deep := func(i int) string { return fmt.Sprint(i, strings.Repeat("/d", 999)) }
	for name, c := range map[string]struct {
		layer []byte
		most  int
		want  error
		says  string
	}{
		"just enough":            {manyEntries(t, 2999, flat), 3000, nil, ""},
		"one too many":           {manyEntries(t, 3000, flat), 3000, api.ErrCorrupt, "more than 3000 entries"},
		"directories on the way": {manyEntries(t, 4, deep), 3000, api.ErrCorrupt, "more than 3000 entries"},
		"inodes":                 {manyEntries(t, 6000, flat), diskspace.MaxEntries, api.ErrNoSpace, "no room for more files"},
		"inodes of directories":  {manyEntries(t, 6, deep), diskspace.MaxEntries, api.ErrNoSpace, "no room for more files"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, unix.Mount("tmpfs", dir, "tmpfs", 0, "nr_inodes=5000,size=64m"))
			defer func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) }() // the thread that had it as root ends when it likes
			guard, err := diskspace.NewGuard(t.Context(), dir)
			require.NoError(t, err)
			defer guard.Close()
			guard.Max = c.most
			_, err = layer.Unpack(guard, dir, bufio.NewReader(bytes.NewReader(c.layer)), io.Discard, &archive.TarOptions{})
			if c.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			var st unix.Statfs_t
			require.NoError(t, unix.Statfs(dir, &st))
			require.Positive(t, st.Ffree)
		})
	}
}
