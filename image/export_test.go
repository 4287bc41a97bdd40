package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// TestExport: an image's files come out as they went in, and those of a lower layer that are hidden do not.
func TestExport(t *testing.T) {
	t.Parallel()
	s := open(t)
	at := time.Unix(1700000000, 0)
	owner := 7
	if os.Getenv("CAISSON_TEST_USER") != "" {
		owner = 0 // the other one may have one id alone
	}
	var in bytes.Buffer
	tw := tar.NewWriter(&in)
	want := []*tar.Header{
		{Name: "dir/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: "dir/file", Typeflag: tar.TypeReg, Mode: 0o4755, Uid: owner, Gid: owner, Size: 4},
		{Name: "dir/hard", Typeflag: tar.TypeLink, Linkname: "dir/file", Mode: 0o4755, Uid: owner, Gid: owner},
		{Name: "gone", Typeflag: tar.TypeReg, Mode: 0o644},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/../../outside", Mode: 0o777},
		{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o600},
		{Name: "secret", Typeflag: tar.TypeReg, Mode: 0},
	}
	for _, h := range want {
		h.ModTime, h.Format = at, tar.FormatPAX
		require.NoError(t, tw.WriteHeader(h))
		if h.Size > 0 {
			_, err := tw.Write([]byte("data"))
			require.NoError(t, err)
		}
	}
	require.NoError(t, tw.Close())
	_, err := s.Import(t.Context(), &in, image.ImportOptions{Tags: []string{"files"}})
	require.NoError(t, err)

	tr := tar.NewReader(export(t, s, "files"))
	for _, w := range want {
		h, err := tr.Next()
		require.NoError(t, err)
		require.Equal(t, []any{w.Name, w.Typeflag, w.Mode, w.Uid, w.Gid, w.Linkname, w.ModTime.Unix()}, []any{h.Name, h.Typeflag, h.Mode, h.Uid, h.Gid, h.Linkname, h.ModTime.Unix()})
		if w.Size > 0 {
			b, err := io.ReadAll(tr)
			require.NoError(t, err)
			require.Equal(t, "data", string(b))
		}
	}
	_, err = tr.Next()
	require.ErrorIs(t, err, io.EOF)

	img, err := build(t, s, "FROM files\nCOPY sh /bin/sh\nRUN rm /gone\n", image.BuildOptions{}, nil)
	require.NoError(t, err)
	names := map[string]bool{}
	for tr := tar.NewReader(export(t, s, img.ID)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		names[h.Name] = true
	}
	require.True(t, names["bin/sh"] && names["dir/file"])
	require.False(t, names["gone"])
	_, err = s.Remove(t.Context(), img.ID, image.RemoveOptions{}) // nothing holds it
	require.NoError(t, err)

	require.ErrorIs(t, s.Export(t.Context(), io.Discard, "none"), image.ErrNotFound)
	full := errors.New("full")
	require.ErrorIs(t, s.Export(t.Context(), fullWriter{full}, "files"), full)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Export(ctx, io.Discard, "files"), context.Canceled)
}

type fullWriter struct{ err error }

func (f fullWriter) Write([]byte) (int, error) { return 0, f.err }

func export(t *testing.T, s *image.Store, ref string) io.Reader {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, s.Export(t.Context(), &b, ref))
	return &b
}
