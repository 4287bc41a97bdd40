package image_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestAdd: ADD unpacks archives of the context, and COPY does not.
func TestAdd(t *testing.T) {
	t.Parallel()
	s := open(t)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "in/f", Mode: 0o640, Size: 4}))
	_, err := w.Write([]byte("text"))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	files := map[string]string{"a.tar": b.String(), "a.tgz": string(gzipped(t, b.Bytes())), "plain": "p"}
	got := run(t, s, base+`ADD a.tar /tar/
ADD a.tgz /tgz/
ADD plain /plain
ADD --chmod=0700 plain /plain700
COPY a.tar /copied/
RUN cat /tar/in/f && cat /tgz/in/f && cat /plain && ls /copied && stat /tar/in/f && stat /plain700
`, image.BuildOptions{}, files)
	require.Equal(t, "texttextpa.tar\n-rw-r----- 4 0:0\n-rwx------ 1 0:0", got)
}

// TestEntrypointAndCmd: both forms, and that a new ENTRYPOINT forgets the base's CMD.
func TestEntrypointAndCmd(t *testing.T) {
	t.Parallel()
	s := open(t)
	for name, c := range map[string]struct {
		text            string
		entrypoint, cmd []string
	}{
		"exec forms":      {"ENTRYPOINT [\"/bin/sh\", \"a b\"]\nCMD [\"x\"]\n", []string{"/bin/sh", "a b"}, []string{"x"}},
		"shell forms":     {"ENTRYPOINT run it\nCMD with $A\n", []string{"/bin/sh", "-c", "run it"}, []string{"/bin/sh", "-c", "with $A"}},
		"of SHELL":        {"SHELL [\"/bin/sh\", \"-x\"]\nENTRYPOINT say \\\n  \"it\"\nCMD it\n", []string{"/bin/sh", "-x", "say   \"it\""}, []string{"/bin/sh", "-x", "it"}},
		"before SHELL":    {"CMD it\nSHELL [\"/bin/sh\", \"-x\"]\n", nil, []string{"/bin/sh", "-c", "it"}},
		"last one counts": {"CMD [\"a\"]\nCMD [\"b\"]\n", nil, []string{"b"}},
		"none":            {"ENTRYPOINT [\"a\"]\nENTRYPOINT []\n", nil, nil},
	} {
		img, err := build(t, s, "FROM scratch\n"+c.text, image.BuildOptions{}, nil)
		require.NoError(t, err, name)
		require.Equal(t, c.entrypoint, img.Config.Entrypoint, name)
		require.Equal(t, c.cmd, img.Config.Cmd, name)
	}
	_, err := build(t, s, "FROM scratch\nCMD [\"of base\"]\n", image.BuildOptions{Tags: []string{"with-cmd"}}, nil)
	require.NoError(t, err)
	img, err := build(t, s, "FROM with-cmd\nENTRYPOINT [\"new\"]\n", image.BuildOptions{}, nil)
	require.NoError(t, err)
	require.Nil(t, img.Config.Cmd)
}

// TestCacheMounts: what a step leaves in one is there for the next build, in the store, and in no layer.
func TestCacheMounts(t *testing.T) {
	t.Parallel()
	s := open(t)
	step := "RUN --mount=type=cache,id=kept,target=/c append /c/f x && cat /c/f\n"
	require.Equal(t, "x", run(t, s, base+step, image.BuildOptions{}, nil))
	require.Equal(t, "x\nx", run(t, s, base+step, image.BuildOptions{}, nil))
	var kept []string
	require.NoError(t, filepath.WalkDir(s.Root(), func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "f" && d.Type().IsRegular() {
			kept = append(kept, p)
		}
		return err
	}))
	require.Len(t, kept, 1, "cache mounts are in the store, and in no layer")
	require.Empty(t, run(t, open(t), base+"RUN --mount=type=cache,id=kept,target=/c ls /c\n", image.BuildOptions{}, nil), "stores share no cache")
}

// TestMountsAreNotInLayers: what a step sees by mounts is gone after it, and a step can't write to the user's files.
func TestMountsAreNotInLayers(t *testing.T) {
	t.Parallel()
	s := open(t)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, buildContext(t, map[string]string{"dir/c": "c"})))
	var out bytes.Buffer
	img, err := s.Build(t.Context(), image.BuildOptions{
		Context: os.DirFS(dir), Output: &out, Run: image.RunOptions{Secrets: map[string][]byte{"token": []byte("hidden")}},
		DockerfileText: base + `RUN --mount=type=tmpfs,target=/m --mount=type=bind,source=dir,target=/b,rw --mount=type=cache,target=/c --mount=type=secret,id=token,mode=0440 echo x > /m/f && echo x > /c/f && echo y > /b/new && stat /run/secrets/token
RUN --mount=type=secret,id=token,env=TOKEN echo is $TOKEN
RUN echo ${TOKEN}none
`})
	require.NoError(t, err)
	require.Contains(t, out.String(), "\n-r--r----- 6 0:0\n")
	require.Contains(t, out.String(), "\nis hidden\n")
	require.Contains(t, out.String(), "\nnone\n")
	require.NoFileExists(t, filepath.Join(dir, "dir", "new"))
	require.NotContains(t, strings.Join(img.Config.Env, " "), "TOKEN")
	diffs, err := filepath.Glob(filepath.Join(s.Root(), "storage", "overlay", "*", "diff", "*", "*"))
	require.NoError(t, err)
	require.NotEmpty(t, diffs)
	for _, p := range diffs {
		require.NotContains(t, []string{"f", "new", "secrets"}, filepath.Base(p))
	}
}

// TestCopyFromImage: COPY and mounts take files of images that no stage is made of, which are fetched like bases.
func TestCopyFromImage(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	ref := reg.Addr + "/files:1"
	_, err := build(t, s, "FROM scratch\nCOPY f /dir/f\n", image.BuildOptions{Tags: []string{ref}}, map[string]string{"f": "from afar"})
	require.NoError(t, err)
	_, err = s.Push(t.Context(), ref, image.PushOptions{})
	require.NoError(t, err)
	other := open(t)
	got := run(t, other, "ARG FILES="+ref+"\n"+base+"COPY --from="+ref+" /dir/f /f\nRUN --mount=type=bind,from="+ref+",target=/m cat /f /m/dir/f\n", image.BuildOptions{}, nil)
	require.Equal(t, "from afarfrom afar", got)
}

// TestSquash: one layer of all that a build adds, with what it removed gone.
func TestSquash(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	s := open(t)
	_, err := build(t, s, base, image.BuildOptions{Tags: []string{"squash-base"}}, nil)
	require.NoError(t, err)
	img, err := build(t, s, "FROM squash-base\nRUN fill /big 500000\nRUN rm /big && echo x > /small\n", image.BuildOptions{Tags: []string{"squashed"}, Result: image.ResultOptions{Squash: true}}, nil)
	require.NoError(t, err)
	plain, err := s.Get(t.Context(), "squash-base")
	require.NoError(t, err)
	require.Less(t, img.Size-plain.Size, int64(100000))
	require.Equal(t, "x\nsh", run(t, s, "FROM squashed\nRUN cat /small && ls /bin\n", image.BuildOptions{}, nil))
}

// TestPullPolicyOfBases: when a registry is asked for a base that the store has.
func TestPullPolicyOfBases(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	ref := reg.Addr + "/base:1"
	publish := func(text string) {
		s := open(t)
		_, err := build(t, s, base+"COPY f /f\n", image.BuildOptions{Tags: []string{ref}}, map[string]string{"f": text})
		require.NoError(t, err)
		_, err = s.Push(t.Context(), ref, image.PushOptions{})
		require.NoError(t, err)
	}
	s := open(t)
	text := "FROM " + ref + "\nRUN cat /f\n"
	publish("old")
	_, err := build(t, s, text, image.BuildOptions{Pull: image.PullNever}, nil)
	require.ErrorIs(t, err, image.ErrNotFound)
	pulled := 0
	require.Equal(t, "old", run(t, s, text, image.BuildOptions{Progress: func(e image.BuildEvent) {
		if e.Kind == image.BuildPull && e.Instruction == ref && e.Pull.Done {
			pulled++
		}
	}}, nil))
	require.Positive(t, pulled, "the pull of a base is told of")
	publish("new")
	require.Equal(t, "old", run(t, s, text, image.BuildOptions{Pull: image.PullNever}, nil))
	require.Equal(t, "old", run(t, s, text, image.BuildOptions{Pull: image.PullMissing}, nil))
	require.Equal(t, "new", run(t, s, text, image.BuildOptions{Pull: image.PullAlways}, nil))
	_, err = build(t, s, text, image.BuildOptions{Pull: "sometimes"}, nil)
	require.ErrorIs(t, err, image.ErrInvalidArgument)
	_, err = build(t, s, "FROM "+reg.Addr+"/base:none\n", image.BuildOptions{}, nil)
	require.ErrorIs(t, err, image.ErrNotFound)
	require.ErrorContains(t, err, "base image "+reg.Addr+"/base:none")
}

// TestIgnoreOfDockerfile: NAME.dockerignore goes before the context's own, for COPY and for the context's root.
func TestIgnoreOfDockerfile(t *testing.T) {
	t.Parallel()
	s := open(t)
	files := fstest.MapFS{
		"one.Dockerfile":              {Data: []byte("FROM scratch\nCOPY . /\n")},
		"one.Dockerfile.dockerignore": {Data: []byte("**\n!keep\nkeep/*.tmp\n")},
		".dockerignore":               {Data: []byte("keep\n")},
		"keep/a":                      {Data: []byte("a")}, "keep/b.tmp": {Data: []byte("b")}, "c": {Data: []byte("c")},
	}
	img, err := s.Build(t.Context(), image.BuildOptions{Context: files, Dockerfile: "one.Dockerfile"})
	require.NoError(t, err)
	require.Equal(t, []string{"keep", "keep/a"}, tree(t, s, img))
	_, err = s.Build(t.Context(), image.BuildOptions{Context: files, DockerfileText: "FROM scratch\nCOPY keep/a /\n"})
	require.ErrorIs(t, err, image.ErrBuildStep, "the context's own file hides it")
}

func gzipped(t *testing.T, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, err := z.Write(b)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return out.Bytes()
}
