package dockertest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
)

// failing is a test that may fail without the real one failing.
type failing struct {
	testing.TB
	dir      string
	mu       sync.Mutex
	text     strings.Builder
	failed   bool
	skipped  bool
	cleanups []func()
}

// inTest runs f as a test, with its cleanup functions, and returns it.
func inTest(t *testing.T, f func(t testing.TB)) *failing {
	t.Helper()
	ft := &failing{TB: t, dir: t.TempDir()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(ft)
	}()
	<-done
	for i := len(ft.cleanups) - 1; i >= 0; i-- {
		ft.cleanups[i]()
	}
	return ft
}

func (f *failing) Helper()             {}
func (f *failing) Cleanup(c func())    { f.cleanups = append(f.cleanups, c) }
func (f *failing) Failed() bool        { return f.failed }
func (f *failing) ArtifactDir() string { return f.dir }
func (f *failing) Log(a ...any)        { f.print(fmt.Sprint(a...)) }
func (f *failing) Logf(s string, a ...any) {
	f.print(fmt.Sprintf(s, a...))
}

func (f *failing) print(s string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text.WriteString(s + "\n")
}

func (f *failing) Errorf(s string, a ...any) {
	f.Logf(s, a...)
	f.failed = true
}

func (f *failing) Fatalf(s string, a ...any) {
	f.Errorf(s, a...)
	runtime.Goexit()
}

func (f *failing) FailNow() {
	f.failed = true
	runtime.Goexit()
}

func (f *failing) Skipped() bool { return f.skipped }

func (f *failing) SkipNow() {
	f.skipped = true
	runtime.Goexit()
}

func (f *failing) Skipf(s string, a ...any) {
	f.Logf(s, a...)
	f.skipped = true
	runtime.Goexit()
}

func TestRunFails(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	var after bool
	ft := inTest(t, func(t testing.TB) {
		dockertest.Run(t, img, cmd("chain echo almost ; exit 4"))
		after = true
	})
	assert.True(t, ft.failed)
	assert.False(t, after)
	assert.Contains(t, ft.text.String(), "dockertest: run "+img+": the container exited with code 4")
	assert.Equal(t, 1, strings.Count(ft.text.String(), "almost\n"), "the log is told once:\n%s", &ft.text)
	noneLeft(t)
}

// noneLeft holds that no container of this test is left.
func noneLeft(t *testing.T) {
	t.Helper()
	eng, err := dockertest.Engine()
	require.NoError(t, err)
	infos, err := eng.List(t.Context(), container.ListOptions{All: true})
	require.NoError(t, err)
	for _, i := range infos {
		assert.NotEqual(t, t.Name(), i.Options.Labels["dev.caisson.dockertest.test"])
	}
}

func TestFailedTestTellsTheLog(t *testing.T) {
	img := testbox(t)
	ft := inTest(t, func(t testing.TB) {
		dockertest.Run(t, img, cmd("chain seq 100 ; listen :7000"), dockertest.WaitLog("listening")) // it says so a moment after
		t.Errorf("on purpose")
	})
	assert.Contains(t, ft.text.String(), "\n    100\n    listening [::]:7000\n")
	assert.NotContains(t, ft.text.String(), "\n    50\n", "the log is shortened")
	assert.Contains(t, ft.text.String(), "start ")
	noneLeft(t)

	ft = inTest(t, func(t testing.TB) { dockertest.Run(t, img) })
	assert.Empty(t, ft.text.String(), "a test that passes is quiet")
}

func TestHandleFailsTheTest(t *testing.T) {
	img := testbox(t)
	for name, tc := range map[string]struct {
		do   func(*dockertest.Container)
		want string
	}{
		"exec":    {func(c *dockertest.Container) { c.Exec("/bin/testbox", "cat", "/nowhere") }, "no such file or directory"},
		"no exec": {func(c *dockertest.Container) { c.Exec("/bin/sh") }, "/bin/sh"},
		"kill":    {func(c *dockertest.Container) { c.Kill("SIGWRONG") }, "SIGWRONG"},
		"resume":  {func(c *dockertest.Container) { c.Resume() }, "paused"},
		"start":   {func(c *dockertest.Container) { c.Start() }, "start: "},
		"wait":    {func(c *dockertest.Container) { c.WaitFor(dockertest.WaitLogMatch("(")) }, "missing closing"},
	} {
		t.Run(name, func(t *testing.T) {
			ft := inTest(t, func(t testing.TB) { tc.do(dockertest.Run(t, img)) })
			assert.True(t, ft.failed)
			assert.Contains(t, ft.text.String(), tc.want)
		})
	}
}

func TestArtifacts(t *testing.T) {
	img := testbox(t)
	setFlag(t, "test.artifacts", "true")
	var name string
	ft := inTest(t, func(t testing.TB) {
		c := dockertest.Run(t, img, dockertest.Env("API_TOKEN", "hunter2"))
		name = c.Name()
		c.Exec("/bin/testbox", "write", "/data/note", "changed")
		t.Errorf("on purpose")
	})
	dir := filepath.Join(ft.dir, name)
	assert.Contains(t, ft.text.String(), "artifacts: "+dir)
	for file, want := range map[string]string{
		"log.txt": "Z listening", "inspect.json": `"status": "running"`, "networks.json": `"bridge"`, "times.txt": "  ready\n", "reproduce.txt": "API_TOKEN=…",
		"diff.txt": "C /data/note\n",
	} {
		b, err := os.ReadFile(filepath.Join(dir, file))
		require.NoError(t, err)
		assert.Contains(t, string(b), want, file)
		assert.NotContains(t, string(b), "hunter2", file)
	}
}

func TestKeep(t *testing.T) {
	img := testbox(t)
	t.Setenv("CAISSON_TEST_KEEP", "1")
	var kept, passed *dockertest.Container
	ft := inTest(t, func(t testing.TB) {
		kept = dockertest.Run(t, img)
		t.Errorf("on purpose")
	})
	require.NotNil(t, kept)
	inTest(t, func(t testing.TB) { passed = dockertest.Run(t, img) })
	assert.Contains(t, ft.text.String(), "exec -it "+kept.Name()+" sh")
	assert.Contains(t, ft.text.String(), "rm -f "+kept.Name())
	info := kept.Inspect()
	assert.Equal(t, container.StatusRunning, info.State.Status)
	assert.True(t, info.Options.Detach, "it outlives the process")
	require.NoError(t, kept.Close())
	_, err := passed.Fixture().Inspect(t.Context())
	require.ErrorIs(t, err, container.ErrNotFound)
}

// TestLogs: what the container writes comes to the test's output, all of it.
func TestLogs(t *testing.T) {
	var w lockedBuffer
	c := dockertest.Run(t, testbox(t), cmd("seq 1000"), dockertest.Logs(&w), dockertest.WaitExit())
	require.NoError(t, c.Close())
	assert.Equal(t, 1000, strings.Count(w.String(), "\n"))
	assert.True(t, strings.HasSuffix(w.String(), c.Name()+" | 1000\n"))

	broken := errors.New("full")
	c = dockertest.Run(t, testbox(t), cmd("seq 1000"), dockertest.Logs(writerFunc(func([]byte) (int, error) { return 0, broken })), dockertest.WaitExit())
	require.NoError(t, c.Close(), "a broken writer keeps nothing from working")
	ft := inTest(t, func(t testing.TB) {
		dockertest.Run(t, testbox(t), cmd("seq 1000"), dockertest.Logs(writerFunc(func([]byte) (int, error) { return 0, broken })), dockertest.WaitExit())
	})
	assert.False(t, ft.failed)
	assert.Contains(t, ft.text.String(), "option Logs: the copy is not whole: full", "and is told")
}

// TestLogsAreWhole: a chatty container's copy has all lines, also when it is closed at once.
func TestLogsAreWhole(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			var w lockedBuffer
			c := dockertest.Run(t, img, cmd("seq 100000"), dockertest.Logs(&w), dockertest.WaitExit())
			require.NoError(t, c.Close())
			assert.Equal(t, 100000, strings.Count(w.String(), "\n"))
			c = dockertest.Run(t, img, cmd("chain seq 50000 ; echo END ready ; sleep 1h"), dockertest.WaitLog("END ready"))
			assert.Equal(t, 50001, strings.Count(c.Output(), "\n"))
		})
	}
	if cgroups := dockertest.Check(); lacks(cgroups, "cgroups") {
		return
	}
	var w lockedBuffer
	c := dockertest.Run(t, img, cmd("chain echo one ; sleep 1h"), dockertest.Logs(&w), dockertest.WaitLog("one"))
	c.Pause()
	begin := time.Now()
	require.NoError(t, c.Close())
	assert.Contains(t, w.String(), "| one\n")
	assert.Less(t, time.Since(begin), 9*time.Second, "a paused one does not hold it up")
}

func lacks(findings []dockertest.Finding, name string) bool {
	for _, f := range findings {
		if f.Name == name {
			return !f.OK
		}
	}
	return true
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
