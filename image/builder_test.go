//go:build linux

package image_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// TestBuilder: verbs make the image that the same instructions of a Dockerfile make, and take its steps from the cache.
func TestBuilder(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	_, err := build(t, s, base+"ONBUILD RUN exit 9\n", image.BuildOptions{Tags: []string{"tools"}}, nil)
	require.NoError(t, err)
	files := fstest.MapFS{"a.txt": {Data: []byte("a"), Mode: 0o640}, "b.go": {Data: []byte("b"), Mode: 0o644}, ".dockerignore": {Data: []byte("a.txt"), Mode: 0o644}}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "conf"), []byte("c"), 0o600))
	make := func(opts image.BuildOptions) *image.Builder {
		return s.From("tools", opts).Env("A", "$x y").Dir("/w").
			Copy(files, "src/", image.CopyOptions{Exclude: []string{"*.go"}}).
			Copy(os.DirFS(dir), "/etc/", image.CopyOptions{Paths: []string{"c*"}, Owner: "0:0", Mode: "0644"}).
			CopyFrom("tools", "/sh2", image.CopyOptions{Paths: []string{"/bin/sh"}}).
			Run("/bin/sh", "-c", "echo $A > /1").Shell("cat src/a.txt > /2 && echo said").
			Label("l", "$v").User("1:2").Expose("80", "53/udp").Volume("/v").StopSignal("SIGINT").Entrypoint("/bin/sh", "-c").Cmd("cat /1")
	}
	var said []string
	img, err := make(image.BuildOptions{Progress: func(e image.BuildEvent) {
		if e.Kind == image.BuildStep {
			said = append(said, e.Instruction)
		}
	}}).Commit(ctx, "made:1", "made:2")
	require.NoError(t, err)
	require.Equal(t, []string{"docker.io/library/made:1", "docker.io/library/made:2"}, img.Names)
	require.Equal(t, []string{
		"FROM tools", "ENV A=$x y", "WORKDIR /w", "COPY --exclude=*.go . src/", "COPY --chown=0:0 --chmod=0644 c* /etc/", "COPY --from=tools /bin/sh /sh2",
		"RUN /bin/sh -c echo $A > /1", "RUN cat src/a.txt > /2 && echo said", "LABEL l=$v", "USER 1:2", "EXPOSE 80 53/udp", "VOLUME /v", "STOPSIGNAL SIGINT",
		`ENTRYPOINT ["/bin/sh","-c"]`, `CMD ["cat /1"]`,
	}, said)
	f, err := s.FS(ctx, "made:1")
	require.NoError(t, err)
	for name, want := range map[string]string{"1": "$x y\n", "2": "a", "etc/conf": "c", "w/src/.dockerignore": "a.txt"} {
		got, err := fs.ReadFile(f, name)
		require.NoError(t, err)
		require.Equal(t, want, string(got), name)
	}
	_, err = fs.Stat(f, "w/src/b.go")
	require.ErrorIs(t, err, fs.ErrNotExist)
	st, err := fs.Stat(f, "etc/conf")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o644), st.Mode())
	require.NoError(t, f.Close())
	require.Equal(t, "1:2", img.Config.User)
	require.Equal(t, []string{"cat /1"}, img.Config.Cmd)
	require.Equal(t, []string{"53/udp", "80/tcp"}, img.Config.ExposedPorts)
	require.Equal(t, "$v", img.Labels["l"])

	// The same again is the same image, with no step run; a Dockerfile finds the steps, and the other way round.
	again, err := make(image.BuildOptions{}).Commit(ctx)
	require.NoError(t, err)
	require.Equal(t, img.ID, again.ID)
	_, err = build(t, s, base, image.BuildOptions{Tags: []string{"plain"}}, nil)
	require.NoError(t, err)
	of, _ := misses(t, s, "FROM plain\nWORKDIR /w\nCOPY a.txt d/\nRUN echo df > /df\n", image.BuildOptions{}, "a.txt", "a")
	cached := 0
	same, err := s.From("plain", image.BuildOptions{Progress: func(e image.BuildEvent) {
		require.NotEqual(t, image.BuildOutput, e.Kind)
		if e.Kind == image.BuildCached {
			cached++
		}
	}}).Dir("/w").Copy(fstest.MapFS{"a.txt": {Data: []byte("a"), Mode: 0o644}}, "d/", image.CopyOptions{Paths: []string{"a.txt"}}).Shell("echo df > /df").Commit(ctx)
	require.NoError(t, err)
	require.Equal(t, 3, cached)
	require.Equal(t, of.Layers, same.Layers)

	// A builder goes on after Commit.
	b := s.From("scratch", image.BuildOptions{}).Copy(files, "/", image.CopyOptions{})
	_, err = b.Commit(ctx)
	require.NoError(t, err)
	more, err := b.Label("more", "1").Commit(ctx, "more")
	require.NoError(t, err)
	require.Equal(t, "1", more.Labels["more"])
	require.Len(t, more.Layers, 1)
}

// TestBuilderErrors: what is wrong is told by the verb and its argument, before anything runs.
func TestBuilderErrors(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	_, err := build(t, s, base, image.BuildOptions{Tags: []string{"tools"}}, nil)
	require.NoError(t, err)
	from := func() *image.Builder { return s.From("tools", image.BuildOptions{Pull: image.PullNever}) }
	files := fstest.MapFS{"f": {Data: []byte("x"), Mode: 0o644}}
	for name, c := range map[string]struct {
		b    *image.Builder
		want error
		text string
	}{
		"no image":         {s.From("", image.BuildOptions{}), image.ErrInvalidArgument, "build: FROM: no image"},
		"an option":        {s.From("tools", image.BuildOptions{DockerfileText: "FROM x"}), image.ErrInvalidArgument, "BuildOptions.DockerfileText is for a Dockerfile"},
		"a bad name":       {s.From("UPPER CASE", image.BuildOptions{}), image.ErrInvalidArgument, "build: FROM: UPPER CASE"},
		"no such image":    {s.From("not-there", image.BuildOptions{Pull: image.PullNever}), image.ErrNotFound, "build: image not-there: "},
		"no command":       {from().Run(), image.ErrInvalidArgument, "build: RUN: no command"},
		"an empty script":  {from().Shell(""), image.ErrInvalidArgument, "build: RUN: the script is empty"},
		"no files":         {from().Copy(nil, "/", image.CopyOptions{}), image.ErrInvalidArgument, "build: COPY: no file system"},
		"no destination":   {from().Copy(files, "", image.CopyOptions{}), image.ErrInvalidArgument, "build: COPY: no destination"},
		"a mode":           {from().Copy(files, "/", image.CopyOptions{Mode: "99"}), image.ErrInvalidArgument, "build: COPY --chmod=99 . /: --chmod=99: it is not a valid mode"},
		"a port":           {from().Expose("x"), image.ErrInvalidArgument, "build: EXPOSE x: "},
		"a signal":         {from().StopSignal("SIGNONE"), image.ErrInvalidArgument, "build: STOPSIGNAL SIGNONE: "},
		"a variable":       {from().Env("", "x"), image.ErrInvalidArgument, "build: ENV =x: "},
		"the first counts": {from().Run().Shell(""), image.ErrInvalidArgument, "build: RUN: no command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := c.b.Commit(ctx)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.text)
			require.NotErrorIs(t, err, image.ErrDockerfile)
		})
	}
	var be *image.BuildError
	_, err = from().Run("/bin/sh", "-c", "echo why && exit 3").Commit(ctx)
	require.ErrorAs(t, err, &be)
	require.Equal(t, "RUN /bin/sh -c echo why && exit 3", be.Step)
	require.Equal(t, 3, be.ExitCode)
	require.Equal(t, "why", be.Tail)
	_, err = from().Copy(files, "/x/", image.CopyOptions{Paths: []string{"none"}}).Commit(ctx)
	require.ErrorAs(t, err, &be)
	require.EqualError(t, err, `build step "COPY none /x/": no file none in the file system`)
}
