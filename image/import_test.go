package image_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// helloTar is a tar with hello alone, in forms that Go can't write.
var helloTar = map[string]string{
	"bzip2": "QlpoOTFBWSZTWUoyNAgAAG57gMmAAAJAAEeAAAhmRJ6ACAggAFRCAAANGgSRQMjIMmg39YDoQc4oQiXcoE9o6IEMDE3E7COHQl0KIXZilBwizYlgfCMz9QREA+LuSKcKEglGRoEA",
	"xz":    "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4Cf/AF1dADQZSe6N1/i4P8k3Mt7I1YAxNFWf7qpS4P1HDBBssKfTkMKg3RSx6HmEV6brINmMiTJPH2kmYQmS9ZHbon1niGE8r6pWmaGsGH19hZmJVXTVe/h5XwDG5zfYCUQ0AAAAAAAjqNcq/o4IfgABeYBQAAAA5DeTlbHEZ/sCAAAAAARZWg==",
}

func TestImport(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	sh, err := shell()
	require.NoError(t, err)
	root := rootTar(t, map[string]string{"./": "", "./sh": string(sh), "./etc/": "", "./etc/note": "imported\n"})
	begin := time.Now()
	img, err := s.Import(ctx, bytes.NewReader(root), image.ImportOptions{
		Tags: []string{"imported", "example.com/imported:2"}, Message: "why",
		Changes: []string{`ENTRYPOINT ["/sh", "-c"]`, "CMD [\"cat /etc/note\"]\nENV A=1 B='two words'", "LABEL x=y", "EXPOSE 80", "USER 0"},
	})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"docker.io/library/imported:latest", "example.com/imported:2"}, img.Names)
	require.Equal(t, "linux/"+runtime.GOARCH, img.OS+"/"+img.Arch)
	require.WithinDuration(t, begin, img.Created, time.Minute)
	require.Equal(t, image.Config{
		Entrypoint: []string{"/sh", "-c"}, Cmd: []string{"cat /etc/note"}, Env: []string{"A=1", "B=two words"}, ExposedPorts: []string{"80/tcp"}, User: "0",
	}, img.Config)
	require.Equal(t, map[string]string{"x": "y"}, img.Labels)
	require.Equal(t, []string{digestOf(root)}, img.Layers)
	steps, err := s.History(ctx, img.ID)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Equal(t, "why", steps[0].Comment)
	require.Equal(t, "imported", run(t, s, "FROM imported\nSHELL [\"/sh\", \"-c\"]\nRUN cat /etc/note\n", image.BuildOptions{}, nil))

	// What is loaded elsewhere is the same, to the byte.
	var archive bytes.Buffer
	require.NoError(t, s.Save(ctx, &archive, []string{"imported"}, image.SaveOptions{}))
	loaded, err := open(t).Load(ctx, &archive, image.LoadOptions{})
	require.NoError(t, err)
	require.Equal(t, img.ID, loaded[0].ID)

	// The same files again are the same layer.
	again, err := s.Import(ctx, bytes.NewReader(zip(t, root, true)), image.ImportOptions{Platform: "linux/arm/v7"})
	require.NoError(t, err)
	require.Equal(t, img.Layers, again.Layers)
	require.NotEqual(t, img.ID, again.ID)
	require.Equal(t, "linux/arm", again.OS+"/"+again.Arch)
	require.Empty(t, again.Names)
	_, err = s.Get(ctx, again.ID)
	require.NoError(t, err)
}

func TestImportCompressed(t *testing.T) {
	t.Parallel()
	s := open(t)
	plain := rootTar(t, map[string]string{"hello": "world"})
	enc, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	for name, b := range map[string][]byte{"plain": plain, "gzip": zip(t, plain, true), "zstd": enc.EncodeAll(plain, nil), "bzip2": nil, "xz": nil} {
		if b == nil {
			b, err = base64.StdEncoding.DecodeString(helloTar[name])
			require.NoError(t, err)
		}
		img, err := s.Import(t.Context(), bytes.NewReader(b), image.ImportOptions{})
		require.NoError(t, err, name)
		require.Equal(t, []string{"hello"}, tree(t, s, img), name)
	}
	img, err := s.Import(t.Context(), bytes.NewReader(make([]byte, 1024)), image.ImportOptions{})
	require.NoError(t, err, "an empty tar is an empty image")
	require.Empty(t, tree(t, s, img))
}

func TestImportErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	plain := rootTar(t, map[string]string{"hello": "world"})
	broken := errors.New("broken on purpose")
	for name, c := range map[string]struct {
		r    io.Reader
		opts image.ImportOptions
		want error
		says string
	}{
		"empty":         {r: strings.NewReader(""), want: image.ErrCorrupt, says: "empty"},
		"nonsense":      {r: strings.NewReader(strings.Repeat("nonsense", 200)), want: image.ErrCorrupt, says: "tar"},
		"truncated":     {r: bytes.NewReader(plain[:514]), want: image.ErrCorrupt},
		"broken gzip":   {r: bytes.NewReader(zip(t, plain, true)[:40]), want: image.ErrCorrupt},
		"broken header": {r: strings.NewReader("\x1f\x8bnonsense"), want: image.ErrCorrupt},
		"twice": {r: bytes.NewReader(layerTar(t, []tar.Header{
			{Name: "x", Typeflag: tar.TypeReg, Size: 1}, {Name: "x", Typeflag: tar.TypeReg, Size: 1},
		})), want: image.ErrCorrupt, says: "two entries have the same name"},
		"name":     {r: bytes.NewReader(plain), opts: image.ImportOptions{Tags: []string{"UPPER"}}, want: image.ErrInvalidReference},
		"change":   {r: bytes.NewReader(plain), opts: image.ImportOptions{Changes: []string{"RUN x"}}, want: image.ErrInvalidArgument, says: "ImportOptions.Changes"},
		"shell":    {r: bytes.NewReader(plain), opts: image.ImportOptions{Changes: []string{`SHELL ["/sh"]`}}, want: image.ErrInvalidArgument, says: "SHELL is not allowed here"},
		"platform": {r: bytes.NewReader(plain), opts: image.ImportOptions{Platform: "arm64"}, want: image.ErrInvalidArgument, says: "os/arch"},
		"reader":   {r: io.MultiReader(bytes.NewReader(plain[:600]), failing{broken}), want: broken},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Import(t.Context(), c.r, c.opts)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			requireNoLayers(t, s)
			requireNoTempAtAll(t, s)
		})
	}
}

// TestCancelImport: a stream that stops coming is no reason to wait.
func TestCancelImport(t *testing.T) {
	t.Parallel()
	s := open(t)
	r, w := io.Pipe()
	under := make(chan struct{})
	go func() {
		_, _ = w.Write(rootTar(t, map[string]string{"hello": "world"})[:600])
		close(under)
	}()
	took, err := cancelled(t, func() { <-under }, func(ctx context.Context) error {
		_, err := s.Import(ctx, r, image.ImportOptions{})
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Less(t, took, 30*time.Second)
	require.Eventually(t, func() bool { return layerDirs(t, s.Root()) == 0 }, time.Minute, 10*time.Millisecond)
}

// rootTar is a tar of files; those whose name ends in a slash are directories.
func rootTar(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range files {
		h := tar.Header{Name: name, Mode: 0o755, Typeflag: tar.TypeDir}
		if !strings.HasSuffix(name, "/") {
			h.Typeflag, h.Size = tar.TypeReg, int64(len(text))
		}
		require.NoError(t, w.WriteHeader(&h))
		_, err := w.Write([]byte(text))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}
