package dockertest_test

import (
	"context"
	"net/netip"
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
)

// TestStartOutsideTests: the core returns errors, and has package container's methods.
func TestStartOutsideTests(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	f, err := dockertest.Start(ctx, testbox(t), dockertest.Port(7000))
	require.NoError(t, err)
	addr, err := f.Addr(ctx, 7000, "")
	require.NoError(t, err)
	assert.Equal(t, "CORE\n", ask(t, dial(t, addr.String()), "core"))
	other, err := f.HostPort(ctx, 7001)
	require.NoError(t, err)
	assert.NotEqual(t, addr.Port(), other, "this process publishes it")
	_, err = f.Addr(ctx, 9, "udp")
	require.ErrorIs(t, err, container.ErrNotFound)
	url, err := f.URL(ctx, "http", 7000)
	require.NoError(t, err)
	assert.Equal(t, "http://"+addr.String(), url)

	_, err = f.Exec(ctx, "/no/such")
	require.ErrorIs(t, err, container.ErrCommandNotFound)
	_, err = f.Exec(ctx, "/bin/testbox", "cat", "/nowhere")
	var ee *container.ExitError
	require.ErrorAs(t, err, &ee)
	require.ErrorContains(t, err, "no such file or directory")
	require.ErrorIs(t, f.WaitFor(ctx, dockertest.WaitLogMatch("(")), container.ErrInvalidArgument)
	require.ErrorIs(t, f.Start(ctx), container.ErrRunning)
	require.NoError(t, f.Restart(ctx, container.StopOptions{}))
	out, err := f.Output(ctx)
	require.NoError(t, err)
	assert.Contains(t, out, "listening")
	require.NoError(t, f.Close())
	_, err = f.Inspect(ctx)
	require.ErrorIs(t, err, container.ErrNotFound)
	require.NoError(t, f.Close())
}

// TestNothingIsShadowed: what a handle has of package container has its signature.
func TestNothingIsShadowed(t *testing.T) {
	t.Parallel()
	below, core := reflect.TypeFor[*container.Container](), reflect.TypeFor[*dockertest.Fixture]()
	for m := range below.NumMethod() {
		want := below.Method(m)
		got, ok := core.MethodByName(want.Name)
		require.True(t, ok, want.Name)
		require.Equal(t, want.Type.NumIn(), got.Type.NumIn(), want.Name)
		for i := 1; i < want.Type.NumIn(); i++ {
			assert.Equal(t, want.Type.In(i), got.Type.In(i), want.Name)
		}
		for i := range want.Type.NumOut() {
			assert.Equal(t, want.Type.Out(i), got.Type.Out(i), want.Name)
		}
	}
	handle := reflect.TypeFor[dockertest.Container]()
	for i := range handle.NumField() {
		assert.False(t, handle.Field(i).Anonymous, "a test's handle embeds nothing: what it has fails the test")
	}
}

// TestFor: tests share a container, and what fails, fails the test that asked.
func TestFor(t *testing.T) {
	t.Parallel()
	f, err := dockertest.Start(t.Context(), testbox(t))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	one := inTest(t, func(t testing.TB) { f.For(t).Exec("/no/such") })
	assert.True(t, one.failed)
	assert.Contains(t, one.text.String(), "dockertest: "+testboxImage+" ("+f.Name()+"): /no/such: ")
	outer := f.For(t)
	other := inTest(t, func(t testing.TB) { outer.For(t).Exec("/no/such") })
	assert.True(t, other.failed)
	assert.Same(t, f, outer.For(t).Fixture())
	passes := inTest(t, func(t testing.TB) { f.For(t).Exec("/bin/testbox", "cat", "/data/note") })
	assert.Empty(t, passes.text.String())
	assert.Equal(t, "from the image", outer.Exec("/bin/testbox", "cat", "/data/note"), "it is there when the others are over")
	assert.NotEqual(t, netip.Addr{}, outer.IP())
}

// TestInCleanup: a test's own context has ended by then.
func TestInCleanup(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	t.Run("test", func(t *testing.T) {
		c := dockertest.Run(t, img)
		t.Cleanup(func() {
			c.WaitFor(dockertest.WaitPort(7000))
			assert.Equal(t, "from the image", c.Exec("/bin/testbox", "cat", "/data/note"))
			d := dockertest.Run(t, img, dockertest.Volume(t).At("/v"), dockertest.Network(t))
			c.Restart()
			assert.Equal(t, "from the image", d.Exec("/bin/testbox", "cat", "/data/note"))
			f, err := dockertest.Start(context.WithoutCancel(t.Context()), img)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		})
	})
}

// FuzzHandle: a handle of the target works in the fuzz function, and its failure names the remedy.
func FuzzHandle(f *testing.F) {
	c := dockertest.Run(f, testbox(f), dockertest.Port(7000))
	f.Add("hello")
	f.Fuzz(func(t *testing.T, _ string) {
		assert.Equal(t, "from the image", c.Exec("/bin/testbox", "cat", "/data/note"))
		assert.NotEmpty(t, c.Addr(7000))
		assert.NotEmpty(t, c.For(t).Output())
		c.WaitFor(dockertest.WaitPort(7000))
		var said any
		func() {
			defer func() { said = recover() }()
			c.Exec("/no/such")
		}()
		assert.Contains(t, said, "/no/such")
		assert.Contains(t, said, "bind the handle to its t, with For")
		ft := inTest(t, func(t testing.TB) { c.For(t).Exec("/no/such") })
		assert.True(t, ft.failed)
	})
}
