package fstar_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/fstar"
)

var tree = fstest.MapFS{
	"b":        {Data: []byte("bee"), Mode: 0o640, ModTime: time.Unix(7, 0)},
	"a/inner":  {Data: []byte("x"), Mode: fs.ModeSetuid | 0o755},
	"a":        {Mode: fs.ModeDir | fs.ModeSticky | 0o700},
	"a/link":   {Data: []byte("../b"), Mode: fs.ModeSymlink | 0o777},
	"a/socket": {Mode: fs.ModeSocket | 0o600},
	"a/pipe":   {Mode: fs.ModeNamedPipe | 0o600},
	"a/dev":    {Mode: fs.ModeDevice | 0o600},
}

type entry struct {
	name, link, content string
	mode                int64
}

func write(t *testing.T, root, prefix string, edit fstar.Edit) []entry {
	t.Helper()
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	require.NoError(t, fstar.Tree(tw, tree, root, prefix, edit))
	require.NoError(t, tw.Close())
	var out []entry
	for tr := tar.NewReader(&b); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		content, err := io.ReadAll(tr)
		require.NoError(t, err)
		out = append(out, entry{h.Name, h.Linkname, string(content), h.Mode})
	}
}

func TestTree(t *testing.T) {
	for name, c := range map[string]struct {
		root, prefix string
		want         []entry
	}{
		"all":          {".", "", []entry{{"a/", "", "", 0o1700}, {"a/inner", "", "x", 0o4755}, {"a/link", "../b", "", 0o777}, {"b", "", "bee", 0o640}}},
		"under a name": {"a", "x/y", []entry{{"x/y/a/", "", "", 0o1700}, {"x/y/a/inner", "", "x", 0o4755}, {"x/y/a/link", "../b", "", 0o777}}},
		"one file":     {"b", "", []entry{{"b", "", "bee", 0o640}}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, write(t, c.root, c.prefix, nil)) })
	}
	all := write(t, ".", "top", nil)
	assert.Equal(t, "top/", all[0].name, "with a prefix the root has a name")
}

func TestEdit(t *testing.T) {
	got := write(t, "b", "", func(h *tar.Header, info fs.FileInfo) error {
		h.Name, h.Mode = "as-"+info.Name(), 0o600
		return nil
	})
	assert.Equal(t, []entry{{"as-b", "", "bee", 0o600}}, got)

	stop := errors.New("stop")
	err := fstar.Tree(tar.NewWriter(io.Discard), tree, ".", "", func(*tar.Header, fs.FileInfo) error { return stop })
	assert.ErrorIs(t, err, stop)
}

// A header has promised the length of what follows.
func TestShorter(t *testing.T) {
	info, err := tree.Stat("b")
	require.NoError(t, err)
	err = fstar.File(tar.NewWriter(io.Discard), fstest.MapFS{"b": {Data: []byte("b")}}, "b", "b", info, nil)
	assert.ErrorContains(t, err, "b: it became shorter while it was copied")
}
