//go:build linux

package dockertest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// volumeAt mounts an anonymous volume.
func volumeAt(target string) dockertest.Option {
	return dockertest.Modify(func(o *container.Options) {
		o.Mounts = append(o.Mounts, container.Mount{Type: container.MountVolume, Target: target})
	})
}

// endsAtOnce has Stop kill: what testbox does ignores the signal that asks.
var endsAtOnce = dockertest.Modify(func(o *container.Options) { o.Lifecycle.StopSignal = "SIGKILL" })

// counted is a prepare function that notes in a file of the host that it was called.
func counted(note string, c *dockertest.Container) error {
	f, err := os.OpenFile(note, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, os.Getpid())
	return errors.Join(err, f.Close())
}

func calls(t *testing.T, note string) int {
	t.Helper()
	b, err := os.ReadFile(note)
	if !errors.Is(err, os.ErrNotExist) {
		require.NoError(t, err)
	}
	return strings.Count(string(b), "\n")
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	dir := t.TempDir()
	note, migrations := filepath.Join(dir, "note"), filepath.Join(dir, "migrations")
	require.NoError(t, os.WriteFile(migrations, []byte("1"), 0o600))
	template := func(t *testing.T, opts ...dockertest.Option) *dockertest.Prepared {
		return dockertest.Template(t, img, func(c *dockertest.Container) {
			require.NoError(t, counted(note, c))
			c.Exec("/bin/testbox", "write", "/vol/data", "prepared")
			c.Exec("/bin/testbox", "mkdir", "/work")
			c.Exec("/bin/testbox", "write", "/work/data", "prepared")
		}, append(opts, dockertest.Inputs(migrations), dockertest.Label("of", t.Name()), dockertest.Cmd("listen", ":7000"), dockertest.Port(7000),
			dockertest.File("/vol/given", []byte("given")), volumeAt("/vol"), endsAtOnce)...)
	}
	p := template(t)
	require.Equal(t, 1, calls(t, note))
	for i := range 6 { // some of them from those that are ready
		c := p.Run(t)
		for _, name := range []string{"/vol/data", "/work/data"} {
			assert.Equal(t, "prepared", c.Exec("/bin/testbox", "cat", name))
			c.Exec("/bin/testbox", "write", name, fmt.Sprint("of fork ", i))
		}
		assert.Equal(t, "given", c.Exec("/bin/testbox", "cat", "/vol/given"))
		assert.Empty(t, c.Inspect().Mounts)
		dial(t, c.Addr(7000)).Close()
	}
	assert.Same(t, p, template(t), "tests of a process share what is ready")
	assert.Equal(t, 1, calls(t, note))

	require.NoError(t, os.WriteFile(migrations, []byte("2"), 0o600))
	other := template(t, dockertest.Ahead(0))
	assert.NotSame(t, p, other)
	assert.Equal(t, 2, calls(t, note))
	f, err := other.Start(t.Context())
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

func TestTemplateFails(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	eng, err := dockertest.Engine()
	require.NoError(t, err)
	broken := errors.New("broken migration")
	var made string
	fail := true
	prepare := func(_ context.Context, f *dockertest.Fixture) error {
		made = f.ID()
		if fail {
			return broken
		}
		return nil
	}
	opts := []dockertest.Option{dockertest.Label("of", t.Name()), dockertest.Cmd("listen", ":7000"), dockertest.Port(7000), dockertest.Ahead(0), endsAtOnce}
	_, err = dockertest.Prepare(t.Context(), img, prepare, opts...)
	require.ErrorIs(t, err, broken)
	_, err = eng.Get(t.Context(), made)
	require.ErrorIs(t, err, container.ErrNotFound)
	fail = false
	p, err := dockertest.Prepare(t.Context(), img, prepare, opts...)
	require.NoError(t, err)
	p.Run(t)
	_, err = eng.Get(t.Context(), made)
	require.ErrorIs(t, err, container.ErrNotFound)

	for name, c := range map[string]struct {
		opts []dockertest.Option
		text string
	}{
		"Reuse":     {[]dockertest.Option{dockertest.Reuse(time.Minute)}, "Reuse"},
		"Idle":      {[]dockertest.Option{dockertest.Idle(-1)}, "Idle: -1ns"},
		"Ahead":     {[]dockertest.Option{dockertest.Ahead(-1)}, "Ahead: -1"},
		"Inputs":    {[]dockertest.Option{dockertest.Inputs(filepath.Join(t.TempDir(), "none"))}, "Inputs"},
		"read-only": {[]dockertest.Option{dockertest.Modify(func(o *container.Options) { o.ReadOnly = true })}, "ReadOnly"},
	} {
		_, err := dockertest.Prepare(t.Context(), img, prepare, c.opts...)
		require.ErrorIs(t, err, container.ErrInvalidArgument, name)
		require.ErrorContains(t, err, c.text)
	}
	_, err = dockertest.Start(t.Context(), img, dockertest.Ahead(1))
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	require.ErrorContains(t, err, "Ahead: only Template")
}

// TestTemplateExpires: a template that no process uses goes when its idle time is over.
func TestTemplateExpires(t *testing.T) {
	testenv.Slow(t)
	t.Parallel()
	root, box := childStore(t)
	note := filepath.Join(t.TempDir(), "note")
	for want := range 2 {
		out, err := templateChild(root, box, note, "short").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, want+1, calls(t, note), "its time was over when the next process came")
	}
}

const envTemplate = "CAISSON_TEST_TEMPLATE"

func templateChild(root, box, note, scenario string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], "-test.run=^TestTemplateChild$", "-test.v")
	cmd.Env = append(os.Environ(), envTemplate+"="+scenario, "CAISSON_TEST_NOTE="+note, dockertest.EnvRoot+"="+root, testenv.EnvTestbox+"="+box)
	return cmd
}

// TestTemplateChild is the test in a binary that others watch.
func TestTemplateChild(t *testing.T) {
	scenario := os.Getenv(envTemplate)
	if scenario == "" {
		t.Skip("runs as part of TestTemplateProcesses")
	}
	img := testbox(t)
	idle := time.Hour
	if scenario == "short" {
		idle = time.Nanosecond
	}
	p := dockertest.Template(t, img, func(c *dockertest.Container) {
		require.NoError(t, counted(os.Getenv("CAISSON_TEST_NOTE"), c))
		c.Exec("/bin/testbox", "write", "/vol/data", "prepared")
		if scenario == "hang" {
			fmt.Println("preparing")
			select {}
		}
	}, dockertest.Idle(idle), dockertest.Cmd("listen", ":7000", os.Getenv(dockertest.EnvRoot)), dockertest.Port(7000), volumeAt("/vol"), endsAtOnce)
	for range 2 {
		require.Equal(t, "prepared", p.Run(t).Exec("/bin/testbox", "cat", "/vol/data"))
	}
}

// TestTemplateProcesses: of many test binaries that want one template, one prepares it. One that is killed meanwhile leaves
// nothing, and another prepares it.
func TestTemplateProcesses(t *testing.T) {
	testenv.Slow(t)
	t.Parallel()
	root, box := childStore(t)
	note := filepath.Join(t.TempDir(), "note")
	killed := templateChild(root, box, note, "hang")
	out, err := killed.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, killed.Start())
	for s := bufio.NewScanner(out); s.Scan() && s.Text() != "preparing"; {
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			out, err := templateChild(root, box, note, "run").CombinedOutput()
			assert.NoError(t, err, "%s", out)
		})
	}
	require.NoError(t, killed.Process.Kill())
	_ = killed.Wait() // killed
	wg.Wait()
	assert.Equal(t, 2, calls(t, note), "the killed one, and one of the others")
	require.Eventually(t, func() bool {
		return len(processesOf(t, root)) == 0 && entries(t, root, "containers") == 0 && entries(t, root, "volumes") == 0
	}, time.Minute, 5*time.Millisecond, "forks that nobody took are gone with the binaries")
}

func TestForkOfFixture(t *testing.T) {
	t.Parallel()
	c := dockertest.Run(t, testbox(t), dockertest.Cmd("listen", ":7000"), dockertest.Port(7000), volumeAt("/vol"), endsAtOnce)
	c.Exec("/bin/testbox", "write", "/vol/data", "first")
	if err := c.Fixture().Pause(t.Context()); errors.Is(err, container.ErrUnsupported) {
		c.Stop() // this user can't freeze it
		defer c.Start()
	} else {
		require.NoError(t, err)
		c.Resume()
	}
	f := c.Fork(t)
	assert.Equal(t, "first", f.Exec("/bin/testbox", "cat", "/vol/data"))
	f.Exec("/bin/testbox", "write", "/vol/data", "second")
	other, err := f.Fixture().Container.Inspect(t.Context())
	require.NoError(t, err)
	assert.NotEqual(t, c.Name(), other.Name)
	dial(t, f.Addr(7000)).Close()
}
