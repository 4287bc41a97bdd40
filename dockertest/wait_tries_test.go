package dockertest_test

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
)

// inside serves HTTP at a port of the container, by this process.
func inside(t testing.TB, c *dockertest.Container, h http.HandlerFunc) (port uint16) {
	t.Helper()
	ln, err := c.Fixture().Listen(t.Context(), "tcp", ":0")
	require.NoError(t, err)
	srv := &http.Server{Handler: h}
	go srv.Serve(ln) // it is closed
	t.Cleanup(func() { assert.NoError(t, srv.Close()) })
	return uint16(ln.Addr().(*net.TCPAddr).Port)
}

// firstHangs never answers the first request.
func firstHangs() http.HandlerFunc {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			<-r.Context().Done()
			return
		}
		fmt.Fprintln(w, "ok")
	}
}

// slowDriver is one whose Open takes no context, as many have it, and waits for an answer to a request.
type slowDriver struct{}

func (slowDriver) Open(addr string) (driver.Conn, error) {
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		_, err = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	}
	if err == nil {
		_, err = bufio.NewReader(conn).ReadString('\n')
	}
	return lineConn{conn}, err
}

func init() { sql.Register("slow", slowDriver{}) }

// TestTriesAreBounded: a try that is never answered is given up, and the next one finds the server ready.
func TestTriesAreBounded(t *testing.T) {
	t.Parallel()
	c := dockertest.Run(t, testbox(t))
	for name, wait := range map[string]func(port uint16) dockertest.Wait{
		"http": func(port uint16) dockertest.Wait { return dockertest.WaitHTTP(dockertest.HTTP{Port: port}) },
		"exec": func(port uint16) dockertest.Wait {
			return dockertest.WaitExec("/bin/testbox", "get", fmt.Sprintf("http://127.0.0.1:%d/", port))
		},
		"sql": func(port uint16) dockertest.Wait {
			return dockertest.WaitSQL("slow", port, func(addr string) string { return addr })
		},
		"function": func(port uint16) dockertest.Wait {
			return dockertest.WaitFunc("x", func(_ context.Context, c *dockertest.Container) error {
				c.Exec("/bin/testbox", "get", fmt.Sprintf("http://127.0.0.1:%d/", port))
				return nil
			})
		},
		"all": func(port uint16) dockertest.Wait {
			return dockertest.All(dockertest.WaitHTTP(dockertest.HTTP{Port: port}), dockertest.WaitPort(7000)).TryWithin(50 * time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			c.For(t).WaitFor(wait(inside(t, c, firstHangs())).Within(40 * time.Second))
			assert.Less(t, time.Since(begin), 20*time.Second)
		})
	}
}

// TestTryUnderWayIsTold: the message is of the try that the end of the wait has found, too.
func TestTryUnderWayIsTold(t *testing.T) {
	t.Parallel()
	c := dockertest.Run(t, testbox(t))
	var n atomic.Int32
	port := inside(t, c, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) == 1 {
			w.WriteHeader(503)
			return
		}
		<-r.Context().Done()
	})
	err := dockertest.WaitError(c, dockertest.WaitHTTP(dockertest.HTTP{Port: port}).Within(700*time.Millisecond))
	require.ErrorContains(t, err, "timed out after 700ms: the last try: number 2, which was under way: no answer within ")
	require.ErrorContains(t, err, "; the one before: status 503 Service Unavailable")

	err = dockertest.WaitError(c, dockertest.WaitHTTP(dockertest.HTTP{Port: port}).Within(3*time.Second).TryWithin(time.Second))
	require.ErrorContains(t, err, "no answer within 1")

	// A function that does not heed its context is not waited for, and not called again beside itself.
	stay := make(chan struct{})
	defer close(stay)
	var calls atomic.Int32
	begin := time.Now()
	err = dockertest.WaitError(c, dockertest.WaitFunc("the moon", func(context.Context, *dockertest.Container) error {
		calls.Add(1)
		<-stay
		return nil
	}).Within(2*time.Second).TryWithin(100*time.Millisecond))
	require.ErrorContains(t, err, "the moon: timed out after 2s: the last try: number 1, which was under way: no answer within 2")
	assert.EqualValues(t, 1, calls.Load())
	assert.Less(t, time.Since(begin), 20*time.Second)

	// One that takes long, and comes to its end, counts.
	slow := dockertest.WaitFunc("slow", func(ctx context.Context, _ *dockertest.Container) error {
		<-ctx.Done()
		return nil
	})
	require.NoError(t, dockertest.WaitError(c, slow.Within(20*time.Second).TryWithin(50*time.Millisecond)))
}

// TestSlowTries: a try that takes longer than a tenth of the wait gets the time it needs.
func TestSlowTries(t *testing.T) {
	t.Parallel()
	c := dockertest.Run(t, testbox(t))
	port := inside(t, c, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-time.After(2500 * time.Millisecond):
			fmt.Fprintln(w, "ok")
		}
	})
	c.WaitFor(dockertest.WaitHTTP(dockertest.HTTP{Port: port}).Within(40 * time.Second))
}

// TestStreamsAreReady: an answer counts when its header has come, and a body when what is wanted has.
func TestStreamsAreReady(t *testing.T) {
	t.Parallel()
	c := dockertest.Run(t, testbox(t))
	port := inside(t, c, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		if r.URL.Path == "/wrong" {
			w.WriteHeader(http.StatusTeapot)
		}
		fmt.Fprint(w, ": hello\n\ndata: one\n\n")
		assert.NoError(t, http.NewResponseController(w).Flush())
		<-r.Context().Done()
	})
	for name, tc := range map[string]struct {
		http dockertest.HTTP
		want string
	}{
		"status": {dockertest.HTTP{}, ""},
		"body":   {dockertest.HTTP{Body: "data: one"}, ""},
		"check": {dockertest.HTTP{Body: "one", Check: func(r *http.Response) error {
			line, err := bufio.NewReader(r.Body).ReadString('\n')
			if line != ": hello\n" {
				return fmt.Errorf("%q: %w", line, err)
			}
			return nil
		}}, ""},
		"status, wrong": {dockertest.HTTP{Path: "/wrong"}, "status 418 I'm a teapot: : hello"},
		"body, wrong":   {dockertest.HTTP{Body: "two"}, "the last try: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.http.Port = port
			err := dockertest.WaitError(c, dockertest.WaitHTTP(tc.http).Within(3*time.Second))
			if tc.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.want)
			}
		})
	}
}

// TestUnhealthyIsWaitedFor: the checks of a server that is slow fail at first.
func TestUnhealthyIsWaitedFor(t *testing.T) {
	t.Parallel()
	check := container.HealthConfig{Test: []string{"CMD", "/bin/testbox", "cat", "/data/up"}, Interval: 5 * time.Millisecond, Retries: 1}
	c := dockertest.Run(t, testbox(t), cmd("chain sleep 500ms ; write /data/up yes ; sleep 1h"), dockertest.Health(check), dockertest.WaitHealthy())
	assert.Equal(t, container.HealthHealthy, c.Inspect().Health.Status)
	_, err := dockertest.Start(t.Context(), testbox(t), cmd("sleep 1h"), dockertest.Health(check), dockertest.WaitHealthy().Within(2*time.Second))
	require.ErrorContains(t, err, "the health check: timed out after 2s: the last try: unhealthy: the last check's exit code was 1")
	_, err = dockertest.Start(t.Context(), testbox(t), cmd("chain sleep 500ms ; exit 3"), dockertest.Health(check), dockertest.WaitHealthy())
	require.ErrorContains(t, err, "exited with code 3")
}

// TestIPv6Alone: the hint is of the reason.
func TestIPv6Alone(t *testing.T) {
	t.Parallel()
	_, err := dockertest.Start(t.Context(), testbox(t), cmd("listen6 :7000"), dockertest.WaitPort(7000).Within(2*time.Second))
	require.ErrorContains(t, err, "it listens on IPv6 alone ([::]:7000), and clients reach it by IPv4 (")
}

// TestLongVariable: what no process can be started with is refused before.
func TestLongVariable(t *testing.T) {
	t.Parallel()
	_, err := dockertest.Start(t.Context(), testbox(t), dockertest.Env("BIG", strings.Repeat("x", 200<<10)))
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	require.ErrorContains(t, err, "Options.Env BIG has 204804 bytes with its name: the kernel allows at most 131071 for a variable: put the value into a file")
	c := dockertest.Run(t, testbox(t), dockertest.Env("BIG", strings.Repeat("x", 128<<10-1-len("BIG="))))
	_, err = c.Fixture().Exec(t.Context(), "/bin/testbox", strings.Repeat("x", 128<<10))
	require.ErrorIs(t, err, container.ErrInvalidArgument)
}

// TestExecHasNoLimit of its own: the context's is what there is.
func TestExecHasNoLimit(t *testing.T) {
	t.Parallel()
	c := dockertest.Run(t, testbox(t))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := c.Fixture().Exec(ctx, "/bin/testbox", "sleep", "1h")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(begin), 20*time.Second)
	var ee *container.ExitError
	assert.False(t, errors.As(err, &ee))
}
