//go:build linux

package dockertest_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// reused is the container that the tests here share.
func reused(t testing.TB, opts ...dockertest.Option) *dockertest.Container {
	return dockertest.Run(t, testbox(t), dockertest.Options(opts...), dockertest.Port(7000), dockertest.Reuse(10*time.Minute),
		dockertest.File("/etc/conf", []byte("a")), dockertest.Files("/srv", fstest.MapFS{"x": {Data: []byte("x"), Mode: 0o644}}))
}

// TestReuseChild is another test binary.
func TestReuseChild(t *testing.T) {
	if os.Getenv(envChild) == "" {
		t.Skip("runs as part of TestReuse")
	}
	c := reused(t)
	fmt.Println("id", c.ID(), c.Exec("/bin/testbox", "cat", "/left"))
}

func TestReuse(t *testing.T) {
	t.Parallel()
	eng, err := dockertest.Engine()
	require.NoError(t, err)
	ids := map[string]bool{}
	in := func(f func(t *testing.T)) { require.True(t, t.Run("test", f)) }
	use := func(t testing.TB, opts ...dockertest.Option) *dockertest.Container {
		c := reused(t, opts...)
		ids[c.ID()] = true
		return c
	}
	t.Cleanup(func() {
		for id := range ids {
			if c, err := eng.Get(context.Background(), id); err == nil {
				require.NoError(t, c.Remove(context.Background(), container.RemoveOptions{Force: true}))
			}
		}
	})
	var first string
	in(func(t *testing.T) {
		c := use(t)
		first = c.ID()
		c.Exec("/bin/testbox", "write", "/left", "by the first")
		assert.Equal(t, 10*time.Minute, c.Inspect().Options.Lifecycle.IdleTimeout)
	})
	in(func(t *testing.T) {
		c := use(t)
		assert.Equal(t, first, c.ID())
		assert.Equal(t, "HELLO\n", ask(t, dial(t, c.Addr(7000)), "hello"))
		assert.NotEqual(t, first, use(t, dockertest.File("/etc/conf2", nil)).ID(), "other files")
	})

	box := filepath.Join(t.TempDir(), "testbox")
	require.NoError(t, os.WriteFile(box, testenv.Testbox(t), 0o755))
	child := exec.Command(os.Args[0], "-test.run=^TestReuseChild$")
	child.Env = append(os.Environ(), envChild+"=reuse", testenv.EnvTestbox+"="+box)
	out, err := child.CombinedOutput()
	require.NoError(t, err, "%s", out)
	found := regexp.MustCompile(`(?m)^id (\w+) (.*)$`).FindSubmatch(out)
	require.NotNil(t, found, "%s", out)
	assert.Equal(t, first, string(found[1]), "another process")
	assert.Equal(t, "by the first", string(found[2]))

	in(func(t *testing.T) { use(t).Kill("") })
	in(func(t *testing.T) {
		c := use(t)
		assert.NotEqual(t, first, c.ID(), "what has ended is made anew")
		assert.Error(t, c.Command("/bin/testbox", "cat", "/left").Run(t.Context()))
	})
}

func TestReuseRefuses(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	start := func(opts ...dockertest.Option) error {
		_, err := dockertest.Start(t.Context(), img, append(opts, dockertest.Reuse(time.Minute))...)
		return err
	}
	require.ErrorContains(t, start(dockertest.Network(t)), "ends with its test")
	require.ErrorContains(t, start(dockertest.Volume(t).At("/data")), "ends with its test")
	require.ErrorIs(t, start(dockertest.Reuse(0)), container.ErrInvalidArgument)

	eng, err := dockertest.Engine()
	require.NoError(t, err)
	c, err := dockertest.Start(t.Context(), img, dockertest.Name("reuse-by-name"), dockertest.Reuse(time.Minute))
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, err = eng.Get(t.Context(), "reuse-by-name")
	require.NoError(t, err, "it was given back, not removed")
	err = start(dockertest.Name("reuse-by-name"), dockertest.Env("A", "b"))
	require.ErrorIs(t, err, container.ErrNameInUse)
	require.ErrorContains(t, err, "rm -f reuse-by-name")
	require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))

	err = start(dockertest.Name("reuse-unready"), cmd("sleep 1h"), dockertest.WaitPort(7000).Within(3*time.Second))
	require.Error(t, err)
	_, err = eng.Get(t.Context(), "reuse-unready")
	require.ErrorIs(t, err, container.ErrNotFound, "one that was never ready is not left to others")
}
