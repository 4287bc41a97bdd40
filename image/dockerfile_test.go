package image_test

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// run builds, and returns what the last step printed.
func run(t *testing.T, s *image.Store, dockerfile string, opts image.BuildOptions, files map[string]string) string {
	t.Helper()
	_, err := build(t, s, base, image.BuildOptions{Tags: []string{"shell"}}, nil) // cached but for the first time
	require.NoError(t, err)
	var out bytes.Buffer
	opts.Output, opts.Cache.Disable = &out, true
	_, err = build(t, s, strings.ReplaceAll(dockerfile, base, "FROM shell\n"), opts, files)
	require.NoError(t, err, "%s", &out)
	text := out.String()
	text = text[strings.LastIndex(text, "STEP "):]
	_, text, _ = strings.Cut(text, "\n")
	text, _, _ = strings.Cut(text, "COMMIT")
	text, _, _ = strings.Cut(text, "[2/2]")
	return strings.TrimSpace(text)
}

// TestDockerfile builds what the Dockerfile reference describes; the last step of each prints the proof.
func TestDockerfile(t *testing.T) {
	t.Parallel()
	s := open(t)
	files := map[string]string{"a.txt": "a", "b.txt": "b", "dir/c.txt": "c", "dir/deep/d.txt": "d", "skip.log": "x"}
	for name, c := range map[string]struct {
		text string
		opts image.BuildOptions
		want string
	}{
		"arg before from":     {"ARG BASE=scratch\nFROM $BASE\nCOPY sh /bin/sh\nRUN echo ok", image.BuildOptions{}, "ok"},
		"arg given":           {base + "ARG A=1\nRUN echo $A", image.BuildOptions{Args: map[string]string{"A": "2"}}, "2"},
		"arg default":         {base + "ARG A=1\nRUN echo $A", image.BuildOptions{}, "1"},
		"arg outside a stage": {"ARG A=1\n" + base + "RUN echo x${A}x", image.BuildOptions{}, "xx"},
		"env":                 {base + "ENV A=1 B=\"two words\"\nENV C=$A$A\nRUN echo $A $B $C", image.BuildOptions{}, "1 two words 11"},
		"workdir":             {base + "WORKDIR /a\nWORKDIR b\nRUN pwd", image.BuildOptions{}, "/a/b"},
		"user":                {base + "USER 7:8\nRUN id", image.BuildOptions{}, "7 8"},
		"shell":               {base + "SHELL [\"/bin/sh\", \"echo\", \"said\"]\nRUN it", image.BuildOptions{}, "said it"},
		"exec form":           {base + "RUN [\"/bin/sh\", \"echo\", \"a  b\"]", image.BuildOptions{}, "a  b"},
		"continuation":        {base + "RUN echo a && \\\n  # a comment\n  echo b", image.BuildOptions{}, "a\nb"},
		"escape directive":    {"# escape=`\n" + base + "RUN echo a && `\n  echo b", image.BuildOptions{}, "a\nb"},
		"heredoc":             {base + "RUN <<EOF\necho a\necho b\nEOF", image.BuildOptions{}, "a\nb"},
		"copy heredoc":        {base + "COPY <<EOF /f\none\ntwo\nEOF\nRUN cat /f", image.BuildOptions{}, "one\ntwo"},
		"copy dir":            {base + "COPY dir /d/\nRUN ls /d", image.BuildOptions{}, "c.txt\ndeep"},
		"copy wildcard":       {base + "COPY *.txt /d/\nRUN ls /d", image.BuildOptions{}, "a.txt\nb.txt"},
		"copy chmod":          {base + "COPY --chmod=0711 a.txt /f\nRUN stat /f", image.BuildOptions{}, "-rwx--x--x 1 0:0"},
		"copy chown":          {base + "COPY --chown=7:8 a.txt /f\nRUN stat /f", image.BuildOptions{}, "-rw-r--r-- 1 7:8"},
		"copy parents":        {base + "COPY --parents dir/deep/d.txt /p/\nRUN cat /p/dir/deep/d.txt", image.BuildOptions{}, "d"},
		"copy exclude":        {base + "COPY --exclude=b.txt *.txt /d/\nRUN ls /d", image.BuildOptions{}, "a.txt"},
		"copy link":           {base + "COPY --link a.txt /d/f\nRUN cat /d/f", image.BuildOptions{}, "a"},
		"stages":              {base + "RUN echo made > /f\n" + base + "COPY --from=0 /f /g\nRUN cat /g", image.BuildOptions{}, "made"},
		"stages by name":      {"FROM scratch AS one\nCOPY a.txt /f\n" + base + "COPY --from=one /f /g\nRUN cat /g", image.BuildOptions{}, "a"},
		"stage from stage":    {base[:12] + " AS x\nCOPY sh /bin/sh\nFROM x\nRUN echo ok", image.BuildOptions{}, "ok"},
		"unused stage":        {base + "RUN exit 1\n" + base + "RUN echo ok", image.BuildOptions{}, "ok"},
		"target":              {"FROM scratch AS x\nCOPY sh /bin/sh\nRUN echo first\nFROM x AS y\nRUN exit 1", image.BuildOptions{Target: "x"}, "first"},
		"mount bind":          {base + "RUN --mount=type=bind,source=dir,target=/m cat /m/c.txt", image.BuildOptions{}, "c"},
		"mount bind from":     {"FROM scratch AS x\nCOPY a.txt /f\n" + base + "RUN --mount=type=bind,from=x,source=/f,target=/m cat /m", image.BuildOptions{}, "a"},
		"mount cache private": {base + "RUN --mount=type=cache,target=/m,sharing=private echo x > /m/f && cat /m/f", image.BuildOptions{}, "x"},
		"mount tmpfs":         {base + "RUN --mount=type=tmpfs,target=/m echo x > /m/f && cat /m/f", image.BuildOptions{}, "x"},
		"network none":        {base + "RUN --network=none ls /sys/class/net", image.BuildOptions{}, "lo"},
		"onbuild of base":     {"FROM onbuild-base\nRUN cat /by-onbuild", image.BuildOptions{}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "copy chown" || name == "user" {
				testenv.ManyIDs(t)
			}
			if strings.Contains(c.text, "onbuild-base") {
				_, err := build(t, s, base+"ONBUILD COPY a.txt /by-onbuild", image.BuildOptions{Tags: []string{"onbuild-base"}}, files)
				require.NoError(t, err)
			}
			require.Equal(t, c.want, run(t, s, c.text+"\n", c.opts, files))
		})
	}
}

// TestImageConfig: what a Dockerfile says of containers is in the image.
func TestImageConfig(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	testenv.ManyIDs(t)
	s := open(t)
	img, err := build(t, s, base+`
ENV A=1
LABEL from=dockerfile both=dockerfile
EXPOSE 80 53/udp 8000-8002
VOLUME /data /more
VOLUME ["/json"]
USER 7:8
WORKDIR /w
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --timeout=2s --start-period=1s --retries=4 CMD ["/bin/sh", "true"]
SHELL ["/bin/sh", "-c"]
ONBUILD RUN echo x
ENTRYPOINT ["/bin/sh"]
CMD echo hello
`, image.BuildOptions{Labels: map[string]string{"given": "yes", "both": "given"}}, nil)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"from": "dockerfile", "both": "given", "given": "yes"}, img.Labels)
	require.Equal(t, image.Config{
		User: "7:8", Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1"},
		Entrypoint: []string{"/bin/sh"}, Cmd: []string{"/bin/sh", "-c", "echo hello"}, WorkingDir: "/w", StopSignal: "SIGQUIT",
		Volumes: []string{"/data", "/json", "/more"}, ExposedPorts: []string{"53/udp", "80/tcp", "8000/tcp", "8001/tcp", "8002/tcp"}, Shell: []string{"/bin/sh", "-c"},
		OnBuild: []string{"RUN echo x"},
		Health:  &image.HealthConfig{Test: []string{"CMD", "/bin/sh", "true"}, Interval: 5 * time.Second, Timeout: 2 * time.Second, StartPeriod: time.Second, Retries: 4},
	}, img.Config)
	require.Equal(t, "linux", img.OS)
	require.WithinDuration(t, time.Now(), img.Created, time.Minute)
}

// TestContexts: a directory, a file system and a tar stream make the same image.
func TestContexts(t *testing.T) {
	s := open(t)
	files := fstest.MapFS{
		"Dockerfile":             {Data: []byte("FROM scratch\nCOPY . /\n"), Mode: 0o644},
		"sub/other":              {Data: []byte("FROM scratch\nCOPY a /only\n"), Mode: 0o644},
		"sub/other.dockerignore": {Data: []byte("*\n!a\n"), Mode: 0o644},
		".dockerignore":          {Data: []byte("# comment\n*.log\nsub\n!keep.log\nDockerfile\n.dockerignore\n"), Mode: 0o644},
		"a":                      {Data: []byte("a"), Mode: 0o755},
		"x.log":                  {Data: []byte("x"), Mode: 0o644},
		"keep.log":               {Data: []byte("k"), Mode: 0o644},
		"deep/down/here":         {Data: []byte("h"), Mode: 0o600},
		"link":                   {Data: []byte("a"), Mode: 0o777 | os.ModeSymlink},
	}
	dir := filepath.Join(t.TempDir(), "context")
	require.NoError(t, os.CopyFS(dir, files))
	var stream bytes.Buffer
	w := tar.NewWriter(&stream)
	require.NoError(t, w.AddFS(os.DirFS(dir)))
	require.NoError(t, w.Close())
	t.Chdir(filepath.Dir(dir))
	var first []string
	for name, opts := range map[string]image.BuildOptions{
		"dir": {Context: os.DirFS(dir)}, "relative": {Context: os.DirFS("context")}, "fs": {Context: files}, "tar": {Tar: &stream},
	} {
		img, err := s.Build(t.Context(), opts)
		require.NoError(t, err, name)
		names := tree(t, s, img)
		require.Equal(t, []string{"a", "deep", "deep/down", "deep/down/here", "keep.log", "link"}, names, name)
		if first == nil {
			first = names
		}
		require.Equal(t, first, names, name)
	}
	img, err := s.Build(t.Context(), image.BuildOptions{Context: os.DirFS(dir), Dockerfile: "sub/other"})
	require.NoError(t, err)
	require.Equal(t, []string{"only"}, tree(t, s, img))
}

// tree lists what the top layer of an image has.
func tree(t *testing.T, s *image.Store, img *image.Image) []string {
	t.Helper()
	require.Len(t, img.Layers, 1)
	top := filepath.Join(s.Root(), "storage", "overlay", strings.TrimPrefix(img.Layers[0], "sha256:"), "diff")
	var names []string
	require.NoError(t, filepath.WalkDir(top, func(p string, _ os.DirEntry, err error) error {
		if p != top {
			names = append(names, strings.TrimPrefix(p, top+"/"))
		}
		return err
	}))
	return names
}

func TestBuildOutput(t *testing.T) {
	t.Parallel()
	s := open(t)
	var out bytes.Buffer
	_, err := build(t, s, base+"\n\nRUN echo first && echo second && exit 7\n", image.BuildOptions{Output: &out}, nil)
	var be *image.BuildError
	require.ErrorAs(t, err, &be)
	require.ErrorIs(t, err, image.ErrBuildStep)
	require.Equal(t, 7, be.ExitCode)
	require.Equal(t, 5, be.Line)
	require.Equal(t, "first\nsecond", be.Tail)
	require.Contains(t, be.Error(), "Dockerfile:5")
	require.Contains(t, out.String(), "first\nsecond\n")
	for step, says := range map[string]string{
		"COPY none /":                               "no file none in the build context, or .dockerignore excludes it",
		"COPY non* /":                               "no file fits in the build context",
		"ADD ../none /":                             "does not lead out of the context",
		"COPY --from=0 none /":                      "no file none in 0",
		"RUN --mount=source=none,target=/m sh":      "no file none in the build context",
		"RUN --mount=type=secret,id=a,required cat": `: secret required but no secret with id "a"`,
	} {
		_, err = build(t, s, "FROM scratch\nCOPY sh /bin/sh\nFROM scratch\n"+step+"\n", image.BuildOptions{}, nil)
		require.ErrorAs(t, err, &be, step)
		require.Equal(t, 4, be.Line, step)
		require.Zero(t, be.ExitCode, step)
		require.Contains(t, be.Error(), says)
		require.NotContains(t, be.Error(), s.Root(), step)
	}
	_, err = build(t, s, base+"RUN [\"/nonexistent\"]\n", image.BuildOptions{}, nil)
	require.ErrorAs(t, err, &be)
	require.Zero(t, be.ExitCode)
	require.Contains(t, be.Error(), `Dockerfile:3 "RUN /nonexistent": `)
	require.Contains(t, be.Error(), "/nonexistent: no such file or directory")
	require.NotContains(t, be.Error(), "/proc/self/exe")
}

// TestBuildCache: the same inputs give the same image, other ones another.
func TestBuildCache(t *testing.T) {
	t.Parallel()
	s := open(t)
	text := base + "COPY f /f\nRUN fill /data 1000\nCMD [\"x\"]\n"
	one, err := build(t, s, text, image.BuildOptions{}, map[string]string{"f": "1"})
	require.NoError(t, err)
	two, err := build(t, s, text, image.BuildOptions{Tags: []string{"two"}}, map[string]string{"f": "1"})
	require.NoError(t, err)
	require.Equal(t, one.ID, two.ID)
	three, err := build(t, s, text, image.BuildOptions{}, map[string]string{"f": "2"})
	require.NoError(t, err)
	require.NotEqual(t, one.ID, three.ID)
	require.Equal(t, one.Layers[0], three.Layers[0])
	four, err := build(t, s, text, image.BuildOptions{Cache: image.CacheOptions{Disable: true}}, map[string]string{"f": "1"})
	require.NoError(t, err)
	require.NotEqual(t, one.ID, four.ID)
}
