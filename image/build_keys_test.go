package image_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// TestBuildKeys: what a cached step depends on, and what not.
func TestBuildKeys(t *testing.T) {
	t.Parallel()
	s := open(t)
	dir := contextDir(t)
	file := filepath.Join(dir, "note")
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".dockerignore"), []byte("left\n"), 0o644))
	ran := func(text string, opts image.BuildOptions) bool {
		t.Helper()
		ran := false
		opts.Context, opts.DockerfileText = os.DirFS(dir), text
		opts.Progress = func(e image.BuildEvent) { ran = ran || e.Kind == image.BuildOutput }
		_, err := s.Build(t.Context(), opts)
		require.NoError(t, err, text)
		return ran
	}
	none := image.BuildOptions{}
	text := base + "RUN echo ran\nRUN --mount=source=note,target=/n echo mounted\nRUN --mount=type=secret,id=s echo secret\nCOPY note /\nRUN echo after\n"
	secret := image.BuildOptions{Run: image.RunOptions{Secrets: map[string][]byte{"s": []byte("1")}}}
	require.True(t, ran(text, secret))
	require.False(t, ran(text, secret))
	require.False(t, ran(text, image.BuildOptions{Run: image.RunOptions{Secrets: map[string][]byte{"s": []byte("2")}}}), "a secret's value")
	require.NoError(t, os.Chtimes(file, time.Unix(1, 0), time.Unix(1, 0)))
	require.False(t, ran(text, secret), "a file's time")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "left"), nil, 0o644))
	all := base + "COPY . /all/\nRUN echo ran\n"
	require.True(t, ran(all, none))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "left"), []byte("more"), 0o644))
	require.False(t, ran(all, none), "a file that .dockerignore leaves out")
	require.False(t, ran(strings.Replace(text, "RUN echo ran", "LABEL a=b\nEXPOSE 80\nRUN echo ran", 1), secret), "what changes no files")
	require.False(t, ran(strings.Replace(text, "FROM scratch", "FROM scratch AS named", 1), secret), "the name of a stage")

	require.NoError(t, os.Chmod(file, 0o600))
	require.True(t, ran(text, secret), "a file's mode")
	require.NoError(t, os.WriteFile(file, []byte("other"), 0o600))
	require.True(t, ran(text, secret), "a file's content")
	one := base + "RUN echo ran\n"
	require.True(t, ran(one, image.BuildOptions{Run: image.RunOptions{Hosts: []string{"a.test:1.2.3.4"}}}))
	require.False(t, ran(one, image.BuildOptions{Run: image.RunOptions{Hosts: []string{"a.test:1.2.3.4"}}}))
	require.True(t, ran(one, image.BuildOptions{Run: image.RunOptions{Network: "none"}}))
	require.True(t, ran(strings.Replace(one, "RUN", "ENV A=1\nRUN", 1), none))
	require.True(t, ran(one, image.BuildOptions{Cache: image.CacheOptions{Disable: true}}))

	// What a step takes of another stage counts, and not how that was made.
	stages := "FROM scratch AS from\nCOPY note /f\n" + base + "COPY --from=from /f /f\nRUN --mount=from=from,target=/m echo ran\n"
	require.True(t, ran(stages, none))
	require.False(t, ran(strings.Replace(stages, "FROM scratch AS from\nCOPY note /f\n", "FROM scratch AS x\nCOPY note /x\nFROM scratch AS from\nCOPY --from=x /x /f\n", 1), none))
	require.False(t, ran(strings.Replace(stages, "COPY note /f", "LABEL a=b\nCOPY ./note /f", 1), none))
}

// TestBuildLeavesNothing: each layer that a build makes is an image's, so that a prune removes it.
func TestBuildLeavesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	files := image.NamedContexts{Files: map[string]fs.FS{"src": fstest.MapFS{"f": {Data: []byte("f"), Mode: 0o644}}}}
	for _, c := range []struct {
		text string
		opts image.BuildOptions
	}{
		{base + "RUN echo 1 > /1\nRUN echo 2 > /2\n", image.BuildOptions{Result: image.ResultOptions{Squash: true}}},
		{base + "RUN echo 1 > /1\nWORKDIR /w\nWORKDIR /w\n", image.BuildOptions{Result: image.ResultOptions{OCI: true}}},
		{"FROM src AS a\n" + base + "COPY --from=a f /\n", image.BuildOptions{Contexts: files}},
		{"FROM src\n", image.BuildOptions{Contexts: files}},
		{"FROM scratch AS left\nCOPY sh /bin/sh\nRUN echo left > /l\nFROM scratch\nCOPY --from=left /l /\n", image.BuildOptions{}},
	} {
		_, err := build(t, s, c.text, c.opts, nil)
		require.NoError(t, err, c.text)
	}
	_, err := s.Prune(t.Context(), image.PruneOptions{All: true})
	require.NoError(t, err)
	require.Zero(t, layers(t, s))
}
