package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

func TestDockerfileErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, c := range map[string]struct{ text, says string }{
		"empty":                  {"\n# nothing\n", "no instructions"},
		"argument without value": {"ARG A\nFROM scratch\nFROM base:$A$B\n", ":3: FROM base:$A$B: reference \"base:\": invalid reference format: write it as [registry/]repository[:tag][@digest] in lower case: these arguments have no value: A, B"},
		"platform of base":       {"FROM --platform=$NONE scratch\n", ":1: FROM --platform=$NONE: \"\" is not a valid platform"},
		"name of base":           {"FROM scratch\nFROM Upper\n", ":2: FROM Upper: "},
		"stage of no number":     {"FROM scratch\nCOPY a b\nCOPY --from=1 a b\n", ":3: COPY copies from stage 1, which is not an earlier stage"},
		"port":                   {"FROM scratch\nEXPOSE 80 http\n", ":2: EXPOSE http: it is not a valid port"},
		"unknown instruction":    {"FROM scratch\nENV A=1\nCOPPY a b\n", ":3: unknown instruction COPPY: is it COPY?"},
		"before FROM":            {"ENV A=1\nFROM scratch\n", ":1: ENV before FROM"},
		"no FROM":                {"ARG A=1\n", "no FROM"},
		"FROM nothing":           {"FROM\n", ":1: FROM requires an argument"},
		"FROM empty argument":    {"ARG BASE\n\nFROM $BASE\n", ":3: FROM $BASE: the name is empty"},
		"FROM too much":          {"FROM scratch a b\n", ":1: FROM takes"},
		"RUN nothing":            {"FROM scratch\n\nRUN\n", ":3: RUN requires an argument"},
		"COPY one":               {"FROM scratch\nCOPY a\n", ":2: COPY requires at least two"},
		"ENV without value":      {"FROM scratch\nENV A\n", ":2: ENV must have two arguments"},
		"LABEL without value":    {"FROM scratch\n# c\nLABEL a=b \\\n  c=\"d\" e\n", ":4:"},
		"unterminated heredoc":   {"FROM scratch\nRUN <<EOF\ntrue\n", ":2: EOF: unterminated heredoc"},
		"no such target":         {"FROM scratch AS one\nFROM scratch AS two\n", "one, two"},
	} {
		t.Run(name, func(t *testing.T) {
			want := image.ErrDockerfile
			opts := image.BuildOptions{DockerfileText: c.text}
			if name == "no such target" {
				want, opts.Target = image.ErrInvalidArgument, "three"
			}
			_, err := s.Build(t.Context(), opts)
			require.ErrorIs(t, err, want)
			require.ErrorContains(t, err, c.says)
		})
	}
	_, err := s.Build(t.Context(), image.BuildOptions{Context: fstest.MapFS{"x": {}}})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	require.ErrorContains(t, err, "no Dockerfile or Containerfile")
	_, err = s.Build(t.Context(), image.BuildOptions{Context: fstest.MapFS{"x": {}}, Dockerfile: "sub/Dockerfile"})
	require.ErrorContains(t, err, "sub/Dockerfile")
	_, err = s.Build(t.Context(), image.BuildOptions{Context: fstest.MapFS{"f": {Data: []byte("FROM scratch\nNO x\n")}}, Dockerfile: "f"})
	require.ErrorContains(t, err, "f:2: unknown instruction NO")
}

func TestBuildArguments(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := s.Build(t.Context(), image.BuildOptions{})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	_, err = s.Build(t.Context(), image.BuildOptions{Context: fstest.MapFS{}, Tar: strings.NewReader("")})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	_, err = s.Build(t.Context(), image.BuildOptions{Context: os.DirFS("/nonexistent")})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "/nonexistent")
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = s.Build(t.Context(), image.BuildOptions{Context: os.DirFS(file)})
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	_, err = s.Build(t.Context(), image.BuildOptions{DockerfileText: "FROM scratch", Tags: []string{"UPPER"}})
	require.ErrorIs(t, err, image.ErrInvalidReference)
	_, err = s.Build(t.Context(), image.BuildOptions{DockerfileText: "FROM 127.0.0.1:1/none", Pull: image.PullNever})
	require.ErrorIs(t, err, image.ErrNotFound)
	require.ErrorContains(t, err, "base image 127.0.0.1:1/none")
	_, err = s.Build(t.Context(), image.BuildOptions{DockerfileText: "FROM 127.0.0.1:1/none"})
	require.ErrorIs(t, err, image.ErrUnreachable)
	broken := errors.New("broken on purpose")
	_, err = s.Build(t.Context(), image.BuildOptions{Tar: io.MultiReader(strings.NewReader("x"), failing{broken})})
	require.Error(t, err)
	requireNoTemp(t, s)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func requireNoTemp(t *testing.T, s *image.Store) {
	t.Helper()
	temp, err := filepath.Glob(filepath.Join(s.Root(), "tmp", "*", "build-*"))
	require.NoError(t, err)
	require.Empty(t, temp)
}

// archive makes a tar of headers; the content of files is their name.
func archive(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range append([]tar.Header{{Name: "Dockerfile"}}, headers...) {
		text := "FROM scratch\nCOPY . /\n"
		if h.Typeflag == 0 {
			h.Typeflag = tar.TypeReg
			h.Size = int64(len(text))
		}
		if h.Mode == 0 {
			h.Mode = 0o644
		}
		require.NoError(t, w.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := w.Write([]byte(text))
			require.NoError(t, err)
		}
	}
	require.NoError(t, w.Close())
	return b.Bytes()
}

func TestHostileContext(t *testing.T) {
	t.Parallel()
	s := open(t)
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Mkdir(outside, 0o755))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(archive(t))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, c := range map[string]struct {
		tar  []byte
		want error
	}{
		"fine":                 {archive(t), nil},
		"gzip":                 {zipped.Bytes(), nil},
		"twice the same":       {archive(t, tar.Header{Name: "a"}, tar.Header{Name: "a"}), nil},
		"dir and dot":          {archive(t, tar.Header{Name: "./", Typeflag: tar.TypeDir}, tar.Header{Name: "./a/./b"}), nil},
		"link that dangles":    {archive(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), nil},
		"absolute":             {archive(t, tar.Header{Name: outside + "/x"}), image.ErrInvalidArgument},
		"dot dot":              {archive(t, tar.Header{Name: "../x"}), image.ErrInvalidArgument},
		"dot dot inside":       {archive(t, tar.Header{Name: "a/../../x"}), image.ErrInvalidArgument},
		"through a link":       {archive(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: outside}, tar.Header{Name: "l/x"}), image.ErrInvalidArgument},
		"through a dot link":   {archive(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "../.."}, tar.Header{Name: "l/x"}), image.ErrInvalidArgument},
		"hard link out":        {archive(t, tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "../../x"}), image.ErrInvalidArgument},
		"hard link by link":    {archive(t, tar.Header{Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}, tar.Header{Name: "h", Typeflag: tar.TypeLink, Linkname: "l/passwd"}), image.ErrInvalidArgument},
		"device":               {archive(t, tar.Header{Name: "d", Typeflag: tar.TypeBlock, Devmajor: 8}), image.ErrInvalidArgument},
		"pipe":                 {archive(t, tar.Header{Name: "p", Typeflag: tar.TypeFifo}), image.ErrInvalidArgument},
		"empty":                {nil, image.ErrInvalidArgument},
		"not a tar":            {[]byte(strings.Repeat("nonsense", 200)), image.ErrCorrupt},
		"truncated":            {archive(t, tar.Header{Name: "a"})[:1545], image.ErrCorrupt},
		"broken gzip":          {append([]byte{0x1f, 0x8b}, 1, 2, 3), image.ErrCorrupt},
		"truncated gzip":       {zipped.Bytes()[:zipped.Len()/2], image.ErrCorrupt},
		"Dockerfile is a link": {archive(t, tar.Header{Name: "Dockerfile", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}), image.ErrInvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Build(t.Context(), image.BuildOptions{Tar: bytes.NewReader(c.tar)})
			if c.want == nil {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, c.want)
			}
			requireNoTemp(t, s)
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

// requireNoTempAtAll is requireNoTemp for stores that build nothing.
func requireNoTempAtAll(t *testing.T, s *image.Store) {
	t.Helper()
	temp, err := filepath.Glob(filepath.Join(s.Root(), "tmp", "*", "*"))
	require.NoError(t, err)
	// An ordinary user's run directory, where XDG_RUNTIME_DIR is not set; it goes with the process.
	temp = slices.DeleteFunc(temp, func(p string) bool { return strings.HasPrefix(filepath.Base(p), "storage-run-") })
	require.Empty(t, temp)
}
