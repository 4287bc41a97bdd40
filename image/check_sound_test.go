package image_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// oddTar is a root file system in an archive that says as little as one may.
func oddTar(t *testing.T) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "../../../../x", Mode: 0o644}, {Name: "deep/down/file", Mode: 0o640}, {Name: "a/../b/./c", Mode: 0o4755},
		{Name: "deep/", Typeflag: tar.TypeDir, Mode: 0o2750}, {Name: "/abs", Mode: 0o400}, {Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../deep"},
		{Name: "l/through", Mode: 0o644}, {Name: "again", Typeflag: tar.TypeLink, Linkname: "deep/through"}, {Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o600},
		{Name: "theirs", Mode: 0o644, Uid: 7, Gid: 8}, {Name: "null", Typeflag: tar.TypeChar, Mode: 0o666, Devmajor: 1, Devminor: 3},
		{Name: "attr", Mode: 0o644, PAXRecords: map[string]string{"SCHILY.xattr.user.note": "x"}},
	} {
		if h.Typeflag == 0 {
			h.Typeflag, h.Size = tar.TypeReg, 4
		}
		require.NoError(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, "text"[:h.Size])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return &b
}

// TestCheckSound: images that are as they came are not damaged, whoever unpacked them and however odd their archives are,
// and what is changed in them is found.
func TestCheckSound(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	odd, err := s.Import(ctx, oddTar(t), image.ImportOptions{Tags: []string{"odd"}})
	require.NoError(t, err)
	_, err = build(t, s, base+"COPY note /d/e/note\nRUN mkdir /d/f && append /d/f/x y && append /d/e/note more\nRUN rm /d/e && rm /d/f/x && mkdir /d/e && append /d/e/new y\n",
		image.BuildOptions{Tags: []string{"built"}}, map[string]string{"note": "text"})
	require.NoError(t, err)
	require.NoError(t, s.Save(ctx, io.Discard, []string{"odd", "built"}, image.SaveOptions{}))
	res, err := s.Check(ctx, image.CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, res.Problems)

	diff := filepath.Join(s.Root(), "storage", "overlay", odd.Layers[0][7:], "diff")
	require.NoError(t, os.Chmod(diff, 0o755), "its owner, who is not root, can't write into it either")
	for _, c := range []struct {
		damage, mend func() error
		says         string
	}{
		{
			func() error { return os.Chmod(filepath.Join(diff, "x"), 0o600) },
			func() error { return os.Chmod(filepath.Join(diff, "x"), 0o644) }, `"x": its mode is 0600 and must be 0644`,
		},
		{
			func() error { return os.Rename(filepath.Join(diff, "again"), filepath.Join(diff, "another")) },
			func() error { return os.Rename(filepath.Join(diff, "another"), filepath.Join(diff, "again")) }, `"another": it is not in the layer's archive`,
		},
		{
			func() error {
				return os.Symlink("/etc", filepath.Join(diff, "l2"))
			},
			func() error { return os.Remove(filepath.Join(diff, "l2")) }, `"l2": it is not in the layer's archive`,
		},
	} {
		require.NoError(t, c.damage())
		res, err = s.Check(ctx, image.CheckOptions{})
		require.NoError(t, err)
		require.Len(t, res.Problems, 2, "the layer and the image")
		require.Contains(t, strings.Join(res.Problems[1].Details, "\n"), c.says)
		require.Equal(t, []string{"docker.io/library/odd:latest"}, res.Problems[1].Names)
		require.NoError(t, c.mend())
	}
	res, err = s.Check(ctx, image.CheckOptions{})
	require.NoError(t, err)
	require.Empty(t, res.Problems, "it is as it was")
}
