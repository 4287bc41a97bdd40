package dockertest_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
)

// TestFailNowInWait: a function of the user's that ends its goroutine ends the wait at once.
func TestFailNowInWait(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	fatal := func(t testing.TB) dockertest.Wait {
		return dockertest.WaitFunc("the seed", func(context.Context, *dockertest.Container) error {
			t.Fatalf("wrong seed")
			return nil
		})
	}
	for name, wait := range map[string]func(testing.TB) dockertest.Wait{
		"function": fatal,
		"all":      func(t testing.TB) dockertest.Wait { return dockertest.All(dockertest.WaitLog("never"), fatal(t)) },
		"any":      func(t testing.TB) dockertest.Wait { return dockertest.Any(dockertest.WaitLog("never"), fatal(t)) },
		"check": func(t testing.TB) dockertest.Wait {
			return dockertest.WaitHTTP(dockertest.HTTP{Port: 7001, Check: func(*http.Response) error {
				t.Fatalf("wrong seed")
				return nil
			}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			after := false
			ft := inTest(t, func(t testing.TB) {
				c := dockertest.Run(t, img)
				serve(t, c, 7001)
				c.WaitFor(wait(t))
				after = true
			})
			assert.True(t, ft.failed)
			assert.False(t, after)
			assert.Contains(t, ft.text.String(), "wrong seed\n")
			assert.Less(t, time.Since(begin), 20*time.Second, "it did not use up its time-out")
		})
	}
	t.Run("run", func(t *testing.T) {
		t.Parallel()
		ft := inTest(t, func(t testing.TB) { dockertest.Run(t, img, fatal(t)) })
		assert.True(t, ft.failed)
		assert.Contains(t, ft.text.String(), "ended its goroutine")
	})
	t.Run("start", func(t *testing.T) {
		t.Parallel()
		ft := inTest(t, func(t testing.TB) {
			_, err := dockertest.Start(context.Background(), img, fatal(t))
			var re *dockertest.ReadyError
			assert.ErrorAs(t, err, &re)
		})
		assert.True(t, ft.failed)
	})
	t.Run("skip", func(t *testing.T) {
		t.Parallel()
		ft := inTest(t, func(t testing.TB) {
			dockertest.Run(t, img, dockertest.WaitFunc("x", func(context.Context, *dockertest.Container) error {
				t.Skipf("not today")
				return nil
			}))
		})
		assert.True(t, ft.skipped)
		assert.False(t, ft.failed, "%s", &ft.text)
	})
}

// serve answers "hello" to HTTP at a port of the container.
func serve(t testing.TB, c *dockertest.Container, port uint16) {
	t.Helper()
	ln, err := c.Fixture().Listen(t.Context(), "tcp", ":7001")
	require.NoError(t, err)
	require.EqualValues(t, 7001, port)
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) })}
	go srv.Serve(ln) // it is closed
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
}

// TestHandleInWait: a method of the handle that fails in a function of the wait is a failed try.
func TestHandleInWait(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	var tries atomic.Int32
	c := dockertest.Run(t, img,
		dockertest.WaitFunc("the seed", func(ctx context.Context, c *dockertest.Container) error {
			if tries.Add(1) > 1 { // the first try finds nothing
				if err := c.Fixture().WriteFile(ctx, "/data/seed", []byte("42"), 0o644, container.CopyOptions{}); err != nil {
					return err
				}
			}
			c.Exec("/bin/testbox", "cat", "/data/seed")
			return nil
		}))
	assert.Greater(t, tries.Load(), int32(1))
	assert.Equal(t, "42", c.Exec("/bin/testbox", "cat", "/data/seed"))

	_, err := dockertest.Start(t.Context(), img, dockertest.WaitFunc("nothing", func(_ context.Context, c *dockertest.Container) error {
		c.Exec("/bin/testbox", "cat", "/nowhere")
		return nil
	}).Within(2*time.Second))
	var re *dockertest.ReadyError
	require.ErrorAs(t, err, &re)
	var ee *container.ExitError
	require.ErrorAs(t, re.Err, &ee)
	// On a busy machine another try may be under way at the end: then the message tells of both.
	require.Regexp(t, `nothing: timed out after 2s: the last try: (number \d+, which was under way: no answer within \S+; the one before: )?/bin/testbox cat /nowhere: exit status 1`, err.Error())

	// Also from a goroutine of the function's.
	_, err = dockertest.Start(t.Context(), img, dockertest.WaitFunc("nothing", func(_ context.Context, c *dockertest.Container) error {
		done := make(chan struct{})
		go func() {
			defer close(done)
			c.Exec("/no/such")
		}()
		<-done
		return nil
	}).Within(2*time.Second))
	require.ErrorContains(t, err, "/no/such")
}
