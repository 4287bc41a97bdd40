//go:build linux

package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/storage"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

// store is a Store of one container, "1".
type store struct {
	Store
	changes []archive.Change
	diff    []byte
	err     error
}

func (s *store) Container(id string) (*storage.Container, error) {
	if id != "1" {
		return nil, storage.ErrContainerUnknown
	}
	return &storage.Container{ID: id, LayerID: "layer"}, nil
}

func (s *store) Changes(_, layer string) ([]archive.Change, error) {
	if layer != "layer" {
		return nil, storage.ErrLayerUnknown
	}
	return s.changes, s.err
}

func (s *store) Diff(_, layer string, o *storage.DiffOptions) (io.ReadCloser, error) {
	if layer != "layer" || *o.Compression != archive.Uncompressed {
		return nil, storage.ErrLayerUnknown
	}
	return io.NopCloser(bytes.NewReader(s.diff)), s.err
}

func TestDiff(t *testing.T) {
	t.Parallel()
	st := &store{changes: []archive.Change{{Path: "/x", Kind: archive.ChangeAdd}}}
	got, err := Diff(st, "1")
	require.NoError(t, err)
	assert.Equal(t, []container.Change{{Kind: container.ChangeAdded, Path: "/x"}}, got)
	_, err = Diff(st, "2")
	require.ErrorIs(t, err, api.ErrNotFound)
	st.err = storage.ErrLayerUnknown
	_, err = Diff(st, "1")
	require.ErrorIs(t, err, api.ErrNotFound)
	st.err = errors.New("broken")
	_, err = Diff(st, "1")
	require.ErrorContains(t, err, "compare container 1 with its image: broken")
}

func TestVisible(t *testing.T) {
	t.Parallel()
	const add, modify, del archive.ChangeType = archive.ChangeAdd, archive.ChangeModify, archive.ChangeDelete
	added, modified, deleted := container.ChangeAdded, container.ChangeModified, container.ChangeDeleted
	for name, c := range map[string]struct {
		in   []archive.Change
		want []container.Change
	}{
		"none":                    {nil, []container.Change{}},
		"the root itself":         {[]archive.Change{{Path: "/", Kind: modify}}, []container.Change{}},
		"sorted":                  {[]archive.Change{{Path: "/b", Kind: add}, {Path: "/a", Kind: del}}, []container.Change{{Kind: deleted, Path: "/a"}, {Kind: added, Path: "/b"}}},
		"mount points":            {[]archive.Change{{Path: "/dev", Kind: add}, {Path: "/dev/pts", Kind: add}, {Path: "/proc", Kind: add}, {Path: "/sys/fs", Kind: modify}}, []container.Change{}},
		"only the engine's files": {[]archive.Change{{Path: "/.dockerenv", Kind: add}, {Path: "/etc", Kind: modify}, {Path: "/etc/hosts", Kind: add}}, []container.Change{}},
		"others beside them": {
			[]archive.Change{{Path: "/etc", Kind: modify}, {Path: "/etc/hosts", Kind: add}, {Path: "/etc/x", Kind: add}},
			[]container.Change{{Kind: modified, Path: "/etc"}, {Kind: added, Path: "/etc/x"}},
		},
		"a mount point deleted": {[]archive.Change{{Path: "/etc", Kind: modify}, {Path: "/etc/hosts", Kind: del}}, []container.Change{{Kind: modified, Path: "/etc"}, {Kind: deleted, Path: "/etc/hosts"}}},
		"like a mount point":    {[]archive.Change{{Path: "/device", Kind: add}, {Path: "/etc/hosts.allow", Kind: add}}, []container.Change{{Kind: added, Path: "/device"}, {Kind: added, Path: "/etc/hosts.allow"}}},
	} {
		assert.Equal(t, c.want, visible(c.in), name)
	}
}

func TestSpool(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range []struct{ name, data string }{
		{"etc/hosts", ""}, {"etc/hostname", "kept: it was written to"}, {"etc/.wh.resolv.conf", ""}, {"dev/console", ""}, {"x", "data"},
	} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: f.name, Typeflag: tar.TypeReg, Size: int64(len(f.data)), Mode: 0o644}))
		_, err := io.WriteString(w, f.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	dir := t.TempDir()
	f, err := Spool(t.Context(), &store{diff: b.Bytes()}, "1", dir, nil)
	require.NoError(t, err)
	defer f.Close()
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "the file has no name")
	var names []string
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names = append(names, h.Name)
	}
	assert.Equal(t, []string{"etc/hostname", "etc/.wh.resolv.conf", "x"}, names)

	_, err = Spool(t.Context(), &store{diff: b.Bytes()[:600]}, "1", dir, nil)
	require.ErrorContains(t, err, "read the layer of container 1")
	_, err = Spool(t.Context(), &store{}, "2", dir, nil)
	require.ErrorIs(t, err, api.ErrNotFound)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	_, err = Spool(ctx, &store{diff: b.Bytes()}, "1", dir, nil)
	require.ErrorContains(t, err, "enough")
	left, err = os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}
