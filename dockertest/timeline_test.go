//go:build linux

package dockertest_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/internal/timeline"
)

// TestReported is the test of which TestTimeline reads the report.
func TestReported(t *testing.T) {
	if os.Getenv(envChild) != "report" {
		t.Skip("runs as part of TestTimeline")
	}
	img := testbox(t)
	t.Run("passes", func(t *testing.T) {
		c := dockertest.Run(t, img, dockertest.Cmd("chain", "echo", "hello </script>", ";", "listen", ":7000"), dockertest.Port(7000))
		c.Restart()
	})
	t.Run("fails", func(t *testing.T) {
		dockertest.Run(t, dockertest.Build(t, image.BuildOptions{DockerfileText: "FROM " + img + "\nENV A=1\n", Pull: image.PullNever}))
		t.Error("on purpose")
	})
	t.Run("is never ready", func(t *testing.T) {
		dockertest.Run(t, img, dockertest.Cmd("exit", "7"), dockertest.Port(7000))
	})
	t.Run("has no image", func(t *testing.T) {
		dockertest.Run(t, "localhost/none:1", dockertest.Offline())
	})
	f, err := dockertest.Start(context.Background(), img, dockertest.Cmd("listen", ":7000"))
	require.NoError(t, err)
	_ = f // it ends with the process
}

// TestTimeline: a report says what each fixture took, and what became of it.
func TestTimeline(t *testing.T) {
	t.Parallel()
	testbox(t)
	file := filepath.Join(t.TempDir(), "report.html")
	cmd := exec.Command(os.Args[0], "-test.run=^TestReported$", "-dockertest.report="+file)
	cmd.Env = append(os.Environ(), envChild+"=report", testenv.EnvTestbox+"="+boxFile(t))
	out, err := cmd.CombinedOutput()
	require.Error(t, err, "two of its tests fail")
	assert.NotContains(t, string(out), "dockertest: the report of the run")
	all, err := timeline.Read(strings.TrimSuffix(file, ".html") + ".json")
	require.NoError(t, err, "%s", out)
	got := map[string][]timeline.Entry{}
	for _, e := range timeline.Last(all) {
		assert.Equal(t, "github.com/caisson-dev/caisson/dockertest", e.Package)
		got[strings.TrimPrefix(e.Test, "TestReported/")] = append(got[strings.TrimPrefix(e.Test, "TestReported/")], e)
	}
	passes := got["passes"]
	require.Len(t, passes, 2, "its start and its restart")
	assert.Equal(t, []string{timeline.Ready, timeline.Ended}, []string{passes[0].State, passes[1].State})
	var steps []string
	last := passes[0].Begin
	for _, s := range passes[0].Steps {
		steps = append(steps, s.Name)
		assert.False(t, s.End.Before(last), s.Name)
		last = s.End
	}
	assert.Equal(t, []string{"agent", "image", "turn", "create", "start", "ready"}, steps)
	assert.Equal(t, last, passes[0].Ready)
	assert.Contains(t, passes[1].Log, "hello </script>\n")
	assert.False(t, passes[1].End.Before(passes[1].Ready))

	fails := got["fails"]
	require.Len(t, fails, 2)
	assert.Equal(t, []string{timeline.Build, timeline.Container}, []string{fails[0].Kind, fails[1].Kind})
	assert.Equal(t, fails[0].Image, fails[1].Image)
	assert.False(t, fails[0].TestFailed, "an image belongs to all tests")
	assert.True(t, fails[1].TestFailed)
	never := got["is_never_ready"]
	require.Len(t, never, 1)
	assert.Equal(t, timeline.Failed, never[0].State)
	assert.Contains(t, never[0].Error, "exited with code 7")
	assert.Equal(t, "failed", never[0].Steps[len(never[0].Steps)-1].Name, "it was waited for, too")
	none := got["has_no_image"]
	require.Len(t, none, 1)
	assert.Equal(t, timeline.Failed, none[0].State)
	assert.Equal(t, "localhost/none:1", none[0].Image)
	outside := got[""]
	require.Len(t, outside, 1)
	assert.Equal(t, timeline.Ready, outside[0].State)

	html, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, len(all), strings.Count(string(html), `class="entry">{`))

	out, err = exec.Command(os.Args[0], "-test.run=^$", "-dockertest.report=report.txt").CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), timeline.ErrName.Error())
}

// boxFile is the test userland, for a child that need not build it.
func boxFile(t *testing.T) string {
	t.Helper()
	box := filepath.Join(t.TempDir(), "testbox")
	require.NoError(t, os.WriteFile(box, testenv.Testbox(t), 0o755))
	return box
}
