//go:build linux

package overlay

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestMain(m *testing.M) { testenv.InMountNamespace(m) }

func dirs(t *testing.T, names ...string) (out []string) {
	t.Helper()
	base := t.TempDir()
	for _, n := range names {
		d := filepath.Join(base, n)
		require.NoError(t, os.Mkdir(d, 0o755))
		out = append(out, d)
	}
	return out
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}

// entries lists the tar of directories: names, with the content of files and the targets of links.
func entries(t *testing.T, o PackOptions, from ...string) (out []string, got Packed) {
	t.Helper()
	var b bytes.Buffer
	o.Out = &b
	got, err := Pack(t.Context(), from, o)
	require.NoError(t, err)
	assert.EqualValues(t, b.Len(), got.Size)
	for tr := tar.NewReader(&b); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out, got
		}
		require.NoError(t, err)
		text, err := io.ReadAll(tr)
		require.NoError(t, err)
		if !o.Epoch.IsZero() {
			assert.False(t, h.ModTime.After(o.Epoch), h.Name)
		}
		out = append(out, fmt.Sprint(h.Name, " ", string(text), h.Linkname))
	}
}

// TestMount: both ways of the kernel mount the same, and what was written is packed as a layer.
func TestMount(t *testing.T) {
	t.Parallel()
	testenv.Root(t)
	for name, mount := range map[string]func(*Mount, string) error{"by descriptors": (*Mount).At, "by a text": (*Mount).oldWay} {
		d := dirs(t, "low,er:1", "lower2", "upper", "work", "merged", "below")
		write(t, d[0], "d/a", "one")
		write(t, d[1], "d/b", "two")
		write(t, d[1], "gone/x", "x")
		write(t, d[1], "new/old", "x")
		m := &Mount{Lower: []string{d[0], d[1]}, Upper: d[2], Work: d[3]}
		require.NoError(t, mount(m, d[4]), name)
		require.NoError(t, os.RemoveAll(filepath.Join(d[4], "gone")))
		require.NoError(t, os.RemoveAll(filepath.Join(d[4], "new")))
		write(t, d[4], "new/f", "text")
		write(t, d[4], "d/b", "changed")
		require.NoError(t, os.Link(filepath.Join(d[4], "new/f"), filepath.Join(d[4], "new/g")))
		require.NoError(t, Unmount(d[4]))
		require.NoError(t, Unmount(d[4]), "it is not mounted")
		all := []string{"d/ ", "d/b changed", ".wh.gone ", "new/ ", "new/.wh..wh..opq ", "new/f text", "new/g new/f"}
		got, packed := entries(t, PackOptions{}, d[2])
		assert.Equal(t, all, got, name)
		assert.Equal(t, len(all), packed.Entries)
		assert.Equal(t, []uint32{0}, packed.UIDs)
		got, _ = entries(t, PackOptions{Epoch: time.Unix(1_000_000_000, 0)}, d[2], d[0])
		assert.Equal(t, []string{"d/ ", "d/a one", "d/b changed", ".wh.gone ", "new/ ", "new/.wh..wh..opq ", "new/f text", "new/g new/f"}, got)
		below, err := os.Open(d[5])
		require.NoError(t, err)
		got, _ = entries(t, PackOptions{Below: below}, d[2], d[0], d[1])
		require.NoError(t, below.Close())
		assert.Equal(t, []string{"d/ ", "d/a one", "d/b changed", "new/ ", "new/f text", "new/g new/f"}, got, "nothing is below that must be hidden")
	}
	m := &Mount{Lower: make([]string, 60)}
	for i := range m.Lower {
		m.Lower[i] = fmt.Sprintf("/%0100d", i)
	}
	require.ErrorIs(t, m.oldWay("/nowhere"), ErrUnsupported)
	require.Error(t, (&Mount{Lower: []string{"/nowhere", "/nowhere2"}}).At(t.TempDir()))
}
