package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	ctx := t.Context()
	one, err := build(t, s, base+"RUN fill /data 300000\nCMD [\"one\"]\n", image.BuildOptions{Tags: []string{"one:1", "example.com/one:2"}}, nil)
	require.NoError(t, err)
	two, err := build(t, s, base+"CMD [\"two\"]\n", image.BuildOptions{Tags: []string{"two:1"}}, nil)
	require.NoError(t, err)
	bare, err := build(t, s, base+"CMD [\"bare\"]\n", image.BuildOptions{}, nil)
	require.NoError(t, err)
	zstds, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	for _, format := range []image.Format{"", image.FormatDocker, image.FormatOCI} {
		var archive bytes.Buffer
		require.NoError(t, s.Save(ctx, &archive, []string{"one:1", "example.com/one:2", "two:1", bare.ID}, image.SaveOptions{Format: format}))
		packed := [][]byte{archive.Bytes(), zip(t, archive.Bytes(), true)}
		if format == "" {
			packed = [][]byte{zstds.EncodeAll(archive.Bytes(), nil)}
		}
		for _, b := range packed {
			other := open(t)
			imgs, err := other.Load(ctx, bytes.NewReader(b), image.LoadOptions{})
			require.NoError(t, err, format)
			require.Len(t, imgs, 3)
			if format != image.FormatOCI { // where the configuration is OCI's, and so is the id
				require.Equal(t, one.ID, imgs[0].ID)
				require.Equal(t, bare.ID, imgs[2].ID)
			}
			require.Equal(t, one.Layers, imgs[0].Layers)
			require.Equal(t, one.Names, imgs[0].Names)
			require.Equal(t, two.Names, imgs[1].Names)
			require.Equal(t, []string{"two"}, imgs[1].Config.Cmd)
			require.Empty(t, imgs[2].Names)
			listed, err := other.List(ctx, image.ListOptions{})
			require.NoError(t, err)
			require.Len(t, listed, 3)
			requireNoTempAtAll(t, other)
		}
	}
}

// TestLoadNames: an archive's images are told by the archive's names, whatever the store calls them too; a repository is
// saved with all its tags, also one that an id begins with.
func TestLoadNames(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	img, err := build(t, s, base, image.BuildOptions{Tags: []string{"one:1", "two:2"}}, nil)
	require.NoError(t, err)
	prefix := img.ID[len("sha256:"):][:2]
	require.NoError(t, s.Tag(ctx, "one:1", prefix+":1"))
	require.NoError(t, s.Tag(ctx, "one:1", prefix+":2"))
	for _, c := range []struct {
		ref  string
		want []string
	}{
		{"one:1", []string{"docker.io/library/one:1"}},
		{img.ID, nil},
		{prefix, []string{"docker.io/library/" + prefix + ":1", "docker.io/library/" + prefix + ":2"}},
	} {
		for _, format := range []image.Format{image.FormatDocker, image.FormatOCI} {
			var archive bytes.Buffer
			require.NoError(t, s.Save(ctx, &archive, []string{c.ref}, image.SaveOptions{Format: format}))
			imgs, err := s.Load(ctx, &archive, image.LoadOptions{})
			require.NoError(t, err)
			require.Len(t, imgs, 1)
			require.Equal(t, c.want, imgs[0].Names)
		}
	}
	require.ErrorIs(t, s.Tag(ctx, "one:1", "sha256:aa"), image.ErrInvalidReference)
}

func zip(t *testing.T, b []byte, really bool) []byte {
	if !really {
		return b
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}

func TestSaveErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	_, err := build(t, s, base, image.BuildOptions{Tags: []string{"app"}}, nil)
	require.NoError(t, err)
	var out bytes.Buffer
	require.ErrorIs(t, s.Save(ctx, &out, []string{"none"}, image.SaveOptions{}), image.ErrNotFound)
	require.ErrorIs(t, s.Save(ctx, &out, nil, image.SaveOptions{}), image.ErrInvalidArgument)
	require.ErrorIs(t, s.Save(ctx, &out, []string{"app"}, image.SaveOptions{Format: "zip"}), image.ErrInvalidArgument)
	require.Zero(t, out.Len())
	full := errors.New("full on purpose")
	require.ErrorIs(t, s.Save(ctx, failingWriter{full}, []string{"app"}, image.SaveOptions{}), full)
	require.ErrorIs(t, s.Save(ctx, failingWriter{full}, []string{"app"}, image.SaveOptions{Format: image.FormatOCI}), full)
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

func TestLoadErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	_, err := build(t, s, base+"RUN fill /data 100000\n", image.BuildOptions{Tags: []string{"app"}}, nil)
	require.NoError(t, err)
	var docker, oci bytes.Buffer
	require.NoError(t, s.Save(ctx, &docker, []string{"app"}, image.SaveOptions{}))
	require.NoError(t, s.Save(ctx, &oci, []string{"app"}, image.SaveOptions{Format: image.FormatOCI}))
	other := open(t)
	for name, c := range map[string]struct {
		data []byte
		want error
	}{
		"empty":            {nil, image.ErrInvalidArgument},
		"no tar":           {bytes.Repeat([]byte("nonsense"), 200), image.ErrCorrupt},
		"another tar":      {archive(t), image.ErrInvalidArgument},
		"truncated docker": {docker.Bytes()[:docker.Len()/2], image.ErrCorrupt},
		"truncated oci":    {oci.Bytes()[:oci.Len()/2], image.ErrCorrupt},
		"corrupt oci":      {flip(oci.Bytes(), oci.Len()-20000), image.ErrDigestMismatch},
		"hostile oci":      {archive(t, tar.Header{Name: "index.json"}, tar.Header{Name: "../../x"}), image.ErrInvalidArgument},
		"not JSON":         {archive(t, tar.Header{Name: "index.json"}), image.ErrCorrupt},
		"docker, not JSON": {archive(t, tar.Header{Name: "manifest.json"}), image.ErrCorrupt},
		"broken gzip":      {zip(t, docker.Bytes(), true)[:docker.Len()/4], image.ErrCorrupt},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := other.Load(ctx, bytes.NewReader(c.data), image.LoadOptions{})
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, "load images: ")
			requireNoTempAtAll(t, other)
			require.Zero(t, layers(t, other))
		})
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 0xff
	return b
}

func TestHistory(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := build(t, s, base+"ENV A=1\nRUN echo x > /x\n", image.BuildOptions{Tags: []string{"app"}}, nil)
	require.NoError(t, err)
	steps, err := s.History(t.Context(), "app")
	require.NoError(t, err)
	require.Len(t, steps, 3)
	require.Contains(t, steps[0].CreatedBy, "echo x > /x")
	require.Positive(t, steps[0].Size)
	require.Contains(t, steps[1].CreatedBy, "ENV A=1")
	require.Zero(t, steps[1].Size)
	require.Empty(t, steps[1].Layer)
	require.Greater(t, steps[2].Size, int64(1<<20))
	_, err = s.History(t.Context(), "none")
	require.ErrorIs(t, err, image.ErrNotFound)
}
