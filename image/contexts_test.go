package image_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestNamedContexts: every instruction takes files from a context by its name, of whatever kind it is.
func TestNamedContexts(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	sh, err := shell()
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string]string{"f": "of dir", "left-out": "x", ".dockerignore": "left-out\n", "sub/g": "below", "bin/sh": string(sh)} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755))
	}
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chown(filepath.Join(dir, "f"), 7, 8))
	}
	ref, err := build(t, s, base+"COPY f /f\n", image.BuildOptions{Tags: []string{"tools:1"}}, map[string]string{"f": "of image"})
	require.NoError(t, err)
	text := `ARG X=tools
FROM reg.invalid/none AS src
RUN false
FROM reg.invalid/none AS Mem
FROM reg.invalid/none AS byid
FROM byid AS onimage
FROM $X AS byargument
FROM reg.invalid/tools
FROM reg.invalid/base:1 \
  AS ondir
FROM ondir
ARG X=mem Y=byid
COPY --from=src /f /sub/g /dir/
COPY --from=1 f /number
COPY --from=mem f /memory
copy	--from=byid f /image
COPY --from=docker.io/library/golang:latest . /all/
COPY --from=$X f /argument
COPY --from=${Y} f /argument-image
COPY --from=onimage f /onimage
COPY --from=byargument f /byargument
RUN --mount=type=bind,from=src,target=/1 --mount=from=src,source=sub,target=/2,rw --mount=from=mem,source=f,target=/3 \
  --mount=from=tools,target=/4 <<EOF
  cat /1/f /2/g /3 /4/f > /mounted
  echo new > /2/g
  echo  --from=mem ,from=mem, > /echoed
EOF
`
	opts := image.BuildOptions{
		Contexts: image.NamedContexts{Files: map[string]fs.FS{"src": os.DirFS(dir), "mem": fstest.MapFS{"f": {Data: []byte("of memory")}}, "reg.invalid/base:1": os.DirFS(dir), "golang": os.DirFS(dir)},
			Images: map[string]string{"tools": "tools:1", "byid": ref.ID, "reg.invalid/tools": "tools:1"}},
	}
	img, err := build(t, s, text, opts, nil)
	require.NoError(t, err)
	f, err := s.FS(t.Context(), img.ID)
	require.NoError(t, err)
	defer f.Close()
	for name, want := range map[string]string{
		"f": "of dir", "dir/f": "of dir", "dir/g": "below", "number": "of memory", "memory": "of memory", "image": "of image", "all/f": "of dir", "argument": "of memory",
		"argument-image": "of image", "onimage": "of image", "byargument": "of image", "mounted": "of dirbelowof memoryof image", "echoed": "--from=mem ,from=mem,\n",
	} {
		b, err := f.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, want, string(b), name)
	}
	for _, name := range []string{"left-out", "all/left-out"} {
		_, err := f.Stat(name)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	for _, name := range []string{"f", "dir/f", "all/f"} {
		info, err := f.Stat(name)
		require.NoError(t, err)
		require.Equal(t, 0, info.Sys().(*tar.Header).Uid, name)
	}
	b, err := os.ReadFile(filepath.Join(dir, "sub/g"))
	require.NoError(t, err)
	require.Equal(t, "below", string(b), "a step has written into the context")
}

// TestNamedContextCache: a step is run again when what it takes from a context has changed, and only then.
func TestNamedContextCache(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	text := "FROM scratch AS shadowed\n" + base + "RUN --mount=from=src,target=/src cat /src/f > /a\nRUN --mount=from=shadowed,target=/src cat /src/f > /b\nCOPY --from=src f /c\n"
	var cached []int
	opts := image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"src": os.DirFS(dir), "shadowed": os.DirFS(dir)}}, Progress: func(e image.BuildEvent) {
		if e.Kind == image.BuildCached {
			require.NotContains(t, e.Instruction, "chown")
			cached = append(cached, e.Line)
		}
	}}
	for i, content := range []string{"one", "one", "two"} {
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
		cached = nil
		img, err := build(t, s, text, opts, nil)
		require.NoError(t, err)
		for _, name := range []string{"a", "b", "c"} {
			require.Equal(t, content, fileOf(t, s, img.ID, name))
		}
		require.Equal(t, [][]int{nil, {3, 4, 5, 6}, {3}}[i], cached)
	}
}

type brokenFS struct{ fs.FS }

var errBroken = errors.New("the disk is broken")

func (brokenFS) Open(string) (fs.File, error) { return nil, errBroken }

func TestNamedContextErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	ok := fstest.MapFS{"f": {}}
	for name, c := range map[string]struct {
		opts image.BuildOptions
		text string
		is   error
		says string
	}{
		"empty name":       {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"": ok}}}, base, image.ErrInvalidArgument, `context ""`},
		"upper case":       {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"Src": ok}}}, base, image.ErrInvalidArgument, `context "Src"`},
		"number":           {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"0": ok}}}, base, image.ErrInvalidArgument, `context "0"`},
		"scratch":          {image.BuildOptions{Contexts: image.NamedContexts{Images: map[string]string{"scratch": "a"}}}, base, image.ErrInvalidArgument, `"scratch"`},
		"nil":              {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": nil}}}, base, image.ErrInvalidArgument, `Contexts.Files["a"] is nil`},
		"no directory":     {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": os.DirFS("/nonexistent")}}}, base, image.ErrInvalidArgument, "Contexts.Files[a]: stat /nonexistent"},
		"a file":           {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": os.DirFS(file)}}}, base, image.ErrInvalidArgument, "not a directory"},
		"unreadable":       {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": brokenFS{ok}}}}, base, errBroken, "broken"},
		"both kinds":       {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": ok}, Images: map[string]string{"a": "b"}}}, base, image.ErrInvalidArgument, `"a" is in Contexts.Files and in Contexts.Images`},
		"twice":            {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": ok}, Images: map[string]string{"a:latest": "b"}}}, base, image.ErrInvalidArgument, "have the same name"},
		"bad reference":    {image.BuildOptions{Contexts: image.NamedContexts{Images: map[string]string{"a": "UPPER"}}}, base, image.ErrInvalidReference, `Contexts.Images["a"]`},
		"no image":         {image.BuildOptions{Pull: image.PullNever, Contexts: image.NamedContexts{Images: map[string]string{"a": "reg.invalid/none"}}}, "FROM a\n", image.ErrNotFound, "context a"},
		"of the result":    {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": ok}}}, "FROM scratch AS a\n", image.ErrInvalidArgument, "context a, which replaces it"},
		"of the target":    {image.BuildOptions{Target: "a", Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": ok}}}, "FROM scratch AS a\nFROM a\n", image.ErrInvalidArgument, "context a, which replaces it"},
		"missing in empty": {image.BuildOptions{Context: fstest.MapFS{}}, "FROM scratch\nCOPY none /\n", image.ErrBuildStep, "no file none in the build context"},
		"missing file":     {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": ok}}}, base + "COPY --from=a none /\n", image.ErrBuildStep, "no file none in a"},
		"missing to mount": {image.BuildOptions{Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": ok}}}, base + "RUN --mount=from=a,source=none,target=/x true\n", image.ErrBuildStep, "no file none in a"},
		"argument":         {image.BuildOptions{}, base + "ARG X=y\nRUN --mount=from=$X,target=/x true\n", image.ErrDockerfile, "Dockerfile:4: RUN --mount=from=$X: arguments are not replaced there"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := build(t, s, c.text, c.opts, nil)
			require.ErrorIs(t, err, c.is)
			require.ErrorContains(t, err, c.says)
		})
	}
	// A tar as the context, and file systems after it.
	var b bytes.Buffer
	tw := tar.NewWriter(&b)
	require.NoError(t, tw.AddFS(fstest.MapFS{"main": {Data: []byte("m"), Mode: 0o644}}))
	require.NoError(t, tw.Close())
	img, err := s.Build(t.Context(), image.BuildOptions{Tar: &b, DockerfileText: "FROM scratch\nCOPY main /\nCOPY --from=a f /\n", Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": fstest.MapFS{"f": {Data: []byte("f")}}}}})
	require.NoError(t, err)
	require.Equal(t, "mf", fileOf(t, s, img.ID, "main")+fileOf(t, s, img.ID, "f"))
	img, err = s.Build(t.Context(), image.BuildOptions{DockerfileText: "FROM scratch\nCOPY --from=a f /\n", Contexts: image.NamedContexts{Files: map[string]fs.FS{"a": fstest.MapFS{"f": {Data: []byte("f")}}}}})
	require.NoError(t, err)
	require.Equal(t, "f", fileOf(t, s, img.ID, "f"))
}
