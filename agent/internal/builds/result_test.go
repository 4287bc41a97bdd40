//go:build linux

package builds

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/builds/dockerfile"
	"github.com/caisson-dev/caisson/internal/api"
)

// TestDated: the time of an entry without a layer is that of the layer before it, or of the first.
func TestDated(t *testing.T) {
	t.Parallel()
	at := func(n int64) *time.Time { u := time.Unix(n, 0).UTC(); return &u }
	s := &stage{history: []v1.History{
		{CreatedBy: "base", Created: at(1)}, {CreatedBy: "base label", EmptyLayer: true, Created: at(2)}, // of the base
		{Created: at(10)}, {Created: at(11), EmptyLayer: true}, {Created: at(12)}, // what was done
	}}
	s.base.history = 2
	planned := []v1.History{
		{CreatedBy: "base", Created: at(1)}, {CreatedBy: "base label", EmptyLayer: true, Created: at(2)},
		{CreatedBy: "ENV", EmptyLayer: true}, {CreatedBy: "RUN"}, {CreatedBy: "WORKDIR"}, {CreatedBy: "LABEL", EmptyLayer: true}, {CreatedBy: "COPY"}, {CreatedBy: "CMD", EmptyLayer: true},
	}
	var got []string
	for _, h := range s.dated(planned) {
		got = append(got, fmt.Sprint(h.CreatedBy, " ", h.Created.Unix(), " ", !h.EmptyLayer))
	}
	assert.Equal(t, []string{"base 1 true", "base label 2 false", "ENV 2 false", "RUN 10 true", "WORKDIR 11 false", "LABEL 11 false", "COPY 12 true", "CMD 12 false"}, got)
	assert.Nil(t, planned[3].Created, "the plan stays as it is")

	first := &stage{history: []v1.History{{Created: at(5)}}}
	dated := first.dated([]v1.History{{CreatedBy: "ENV", EmptyLayer: true}, {CreatedBy: "RUN"}})
	assert.Equal(t, int64(5), dated[0].Created.Unix())
	assert.Nil(t, (&stage{}).dated([]v1.History{{CreatedBy: "ENV", EmptyLayer: true}})[0].Created, "there is no layer")
}

// TestReadIn: only a regular file below the directory is read, and nothing is waited for.
func TestReadIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "f"), []byte("text"), 0o600))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d"), 0o700))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "out")))
	require.NoError(t, os.Symlink("f", filepath.Join(dir, "in")))
	big, err := os.Create(filepath.Join(dir, "big"))
	require.NoError(t, err)
	require.NoError(t, big.Truncate(100<<20))
	require.NoError(t, big.Close())
	for name, want := range map[string]string{"f": "text", "in": "text", "./d/../f": "text"} {
		got, err := readIn(dir, name, 4)
		require.NoError(t, err, name)
		assert.Equal(t, want, string(got), name)
	}
	for name, says := range map[string]string{"pipe": "not a regular file", "d": "not a regular file", "out": "escapes", "none": "no such file", "f": "too large: it has 4 bytes", "big": "it has 104857600 bytes"} {
		_, err := readIn(dir, name, 3)
		assert.ErrorContains(t, err, says, name)
	}
	for file, says := range map[string]string{"pipe": "it must be a file in the context", "big": "big:1: the file is too large: it has 104857600 bytes: a Dockerfile has at most 1048576"} {
		b := &build{context: dir}
		b.req.Dockerfile = file
		assert.ErrorContains(t, b.findDockerfile(), says)
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "pipe"), filepath.Join(dir, ".dockerignore")))
	b := &build{context: dir}
	b.req.DockerfileText = "FROM scratch\n"
	err = b.findDockerfile()
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.ErrorContains(t, err, ".dockerignore: it is not a regular file")
}

// TestPanic: a panic in a stage is the build's error, with its trace, and ends the stages beside it.
func TestPanic(t *testing.T) {
	t.Parallel()
	for _, jobs := range []int{1, 2} {
		b := &build{s: &Service{log: slog.New(slog.DiscardHandler)}, plan: &dockerfile.Plan{}}
		b.req.Jobs = jobs
		x := &execution{b: b, jobs: semaphore.NewWeighted(2), stages: map[*dockerfile.Stage]*stage{}}
		broken := &dockerfile.Stage{Text: "FROM scratch"} // without an output
		after := &dockerfile.Stage{Index: 1, Needs: []*dockerfile.Stage{broken}}
		b.plan.Stages = []*dockerfile.Stage{broken, after}
		for _, p := range b.plan.Stages {
			x.stages[p] = &stage{x: x, plan: p, done: make(chan struct{})}
		}
		err := x.run(context.Background())
		require.ErrorContains(t, err, "build: panic: ")
		assert.Contains(t, err.Error(), "guarded", "the trace")
		assert.Equal(t, 1, strings.Count(err.Error(), "build: panic"))
		assert.False(t, errors.Is(err, context.Canceled))
	}
}
