package dockertest_test

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
)

// cmd is a container's command, written as one line.
func cmd(line string) dockertest.Option { return dockertest.Cmd(strings.Fields(line)...) }

func TestWaits(t *testing.T) {
	img := testbox(t)
	for _, tc := range []struct {
		name string
		cmd  string
		wait dockertest.Wait
	}{
		{"port", "listen :7000", dockertest.WaitPort(7000)},
		{"declared ports", "listen :7000", dockertest.WaitPort()},
		{"log", "chain echo one ; echo two three ; sleep 1h", dockertest.WaitLog("two")},
		{"log of standard error", "chain err oops ; sleep 1h", dockertest.WaitLog("oops")},
		{"log, a later line", "chain echo up ; echo up ; echo up ; sleep 1h", dockertest.WaitLog("up").Times(3)},
		{"log, just before the end", "echo done", dockertest.WaitLog("done")},
		{"log by expression", "chain echo took 17 ms ; sleep 1h", dockertest.WaitLogMatch(`^took \d+ ms$`)},
		{"command", "listen :7000", dockertest.WaitExec("/bin/testbox", "cat", "/data/note")},
		{"file", "chain write /data/up yes ; sleep 1h", dockertest.WaitFile("/data/up")},
		{"exit", "exit 0", dockertest.WaitExit()},
		{"exit with a code", "exit 3", dockertest.WaitExit(2, 3)},
		{"function", "listen :7000", dockertest.WaitFunc("nothing", func(context.Context, *dockertest.Container) error { return nil })},
		{"all", "listen :7000", dockertest.All(dockertest.WaitPort(7000), dockertest.WaitLog("listening"))},
		{"all of none", "listen :7000", dockertest.All()},
		{"any", "listen :7000", dockertest.Any(dockertest.WaitLog("never"), dockertest.WaitPort(7000))},
		{"any, one of which can't be", "listen :7000", dockertest.Any(dockertest.WaitExec("/no/such"), dockertest.WaitPort(7000))},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := dockertest.Start(t.Context(), img, cmd(tc.cmd), dockertest.Port(7000), tc.wait)
			require.NoError(t, err)
			require.NoError(t, c.Close())
		})
	}
}

func TestWaitHealthy(t *testing.T) {
	check := container.HealthConfig{Test: []string{"CMD", "/bin/testbox", "cat", "/data/up"}, Interval: 5 * time.Millisecond, Retries: 1000}
	c := dockertest.Run(t, testbox(t), cmd("chain echo wait ; write /data/up yes ; sleep 1h"), dockertest.Health(check), dockertest.WaitHealthy())
	assert.Equal(t, container.HealthHealthy, c.Inspect().Health.Status)
}

func TestWaitErrors(t *testing.T) {
	img := testbox(t)
	short := 3 * time.Second // long enough for a probe or two on a slow machine: what they found is in the message
	for _, tc := range []struct {
		name string
		cmd  string
		wait dockertest.Wait
		want []string
	}{
		{"port that nothing listens on", "listen :7001", dockertest.WaitPort(7000).Within(short),
			[]string{"port 7000 to accept: timed out after 3s", "connection refused", "listens on 7001"}},
		{"port on the loopback alone", "listen 127.0.0.1:7000", dockertest.WaitPort(7000).Within(short), []string{"make it listen on 0.0.0.0"}},
		{"log", "chain echo other ; sleep 1h", dockertest.WaitLog("never").Within(short),
			[]string{`log line with "never": timed out after 3s`, "the end of its log:\n    other"}},
		{"too few lines", "chain echo up ; sleep 1h", dockertest.WaitLog("up").Times(2).Within(short), []string{"1 of 2 such lines came"}},
		{"command", "listen :7000", dockertest.WaitExec("/bin/testbox", "cat", "/nowhere").Within(short), []string{"timed out", "no such file or directory"}},
		{"command that is not there", "listen :7000", dockertest.WaitExec("/bin/sh", "-c", "true"), []string{"/bin/sh"}},
		{"time-out of all", "listen :7000", dockertest.All(dockertest.WaitPort(7000), dockertest.WaitLog("never")).Within(short),
			[]string{`log line with "never": timed out after 3s`}},
		{"any", "listen :7001", dockertest.Any(dockertest.WaitPort(7000), dockertest.WaitLog("never")).Within(short),
			[]string{`log line with "never": timed out`, "port 7000 to accept: timed out"}},
		{"file", "listen :7000", dockertest.WaitFile("/nowhere").Within(short), []string{"file /nowhere: timed out after 3s", "no such file"}},
		{"exit", "listen :7000", dockertest.WaitExit().Within(short), []string{"its end with code 0: timed out"}},
		{"health", "listen :7000", dockertest.WaitHealthy(), []string{"health"}},
		{"function", "listen :7000", dockertest.WaitFunc("the moon", func(context.Context, *dockertest.Container) error {
			return errors.New("it is down")
		}).Within(short).Every(time.Millisecond), []string{"the moon: timed out after 3s: the last try: it is down"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel() // they wait more than they work
			begin := time.Now()
			_, err := dockertest.Start(t.Context(), img, cmd(tc.cmd), dockertest.Port(7000), tc.wait)
			var re *dockertest.ReadyError
			require.ErrorAs(t, err, &re)
			assert.Nil(t, re.State)
			for _, want := range append(tc.want, "reproduce: ", "examples/cli . run --rm -p 7000") {
				assert.ErrorContains(t, err, want)
			}
			assert.Less(t, time.Since(begin), time.Minute)
		})
	}
}

// TestExitFailsTheWait: a container that has ended is not waited for, whatever is waited for.
func TestExitFailsTheWait(t *testing.T) {
	img := testbox(t)
	for name, wait := range map[string]dockertest.Wait{
		"port":     dockertest.WaitPort(7000),
		"log":      dockertest.WaitLog("never"),
		"http":     dockertest.WaitHTTP(dockertest.HTTP{Port: 7000}),
		"file":     dockertest.WaitFile("/nowhere"),
		"exec":     dockertest.WaitExec("/bin/testbox", "exit", "1"),
		"healthy":  dockertest.WaitHealthy(),
		"exit":     dockertest.WaitExit(0, 1),
		"function": dockertest.WaitFunc("x", func(context.Context, *dockertest.Container) error { return io.EOF }),
		"all":      dockertest.All(dockertest.WaitLog("starting"), dockertest.WaitPort(7000)),
		"any":      dockertest.Any(dockertest.WaitPort(7000), dockertest.WaitLog("never")),
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			_, err := dockertest.Start(t.Context(), img, cmd("chain echo starting ; err no configuration ; exit 7"), wait,
				dockertest.Env("DB_PASSWORD", "hunter2"), dockertest.Env("MODE", "a b"),
				dockertest.Health(container.HealthConfig{Test: []string{"CMD", "/bin/testbox", "exit", "1"}}))
			var re *dockertest.ReadyError
			require.ErrorAs(t, err, &re)
			require.NotNil(t, re.State, "%v", err)
			assert.Equal(t, 7, re.State.ExitCode)
			assert.ElementsMatch(t, []string{"starting", "no configuration"}, re.Log)
			assert.ErrorContains(t, err, "the container exited with code 7 after")
			assert.ErrorContains(t, err, "while the test waited for "+wait.String())
			assert.ErrorContains(t, err, "-e 'MODE=a b' localhost/testbox:1 chain echo starting ';'")
			assert.NotContains(t, err.Error(), "hunter2")
			assert.Less(t, time.Since(begin), 20*time.Second)
		})
	}
}

func TestOOMIsTold(t *testing.T) {
	needs(t, "cgroups")
	_, err := dockertest.Start(t.Context(), testbox(t), cmd("eat 64"), dockertest.Resources(container.Resources{Memory: 16 << 20, MemorySwap: 16 << 20}))
	require.ErrorContains(t, err, "was ended by SIGKILL, because it reached its memory limit")
}

func TestWaitHTTP(t *testing.T) {
	c := dockertest.Run(t, testbox(t))
	serve := func(useTLS bool) uint16 {
		ln, err := c.Fixture().Listen(t.Context(), "tcp", ":0")
		require.NoError(t, err)
		srv := &httptest.Server{Listener: ln, Config: &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/moved" {
				http.Redirect(w, r, "/", http.StatusFound)
			}
			w.Header().Set("X-Query", r.URL.RawQuery)
			_, err := io.WriteString(w, "hello "+r.Header.Get("X-Name"))
			assert.NoError(t, err)
		})}}
		if useTLS {
			srv.StartTLS()
		} else {
			srv.Start()
		}
		t.Cleanup(srv.Close)
		return uint16(ln.Addr().(*net.TCPAddr).Port)
	}
	plain, secure := serve(false), serve(true)
	for _, tc := range []struct {
		name string
		http dockertest.HTTP
		want string // of the error; empty: none
	}{
		{"status 200", dockertest.HTTP{Port: plain}, ""},
		{"body and header", dockertest.HTTP{Port: plain, Body: "hello caller", Header: http.Header{"X-Name": {"caller"}}}, ""},
		{"another body", dockertest.HTTP{Port: plain, Body: "goodbye"}, `the body has no "goodbye": hello`},
		{"another status", dockertest.HTTP{Port: plain, Path: "/moved"}, "status 302"},
		{"that status", dockertest.HTTP{Port: plain, Path: "/moved", Status: 302}, ""},
		{"TLS", dockertest.HTTP{Port: secure, TLS: &tls.Config{InsecureSkipVerify: true}}, ""},
		{"TLS that is not trusted", dockertest.HTTP{Port: secure, TLS: &tls.Config{}}, "certificate"},
		{"check", dockertest.HTTP{Port: plain, Path: "/?a=b", Check: func(r *http.Response) error {
			if r.Header.Get("X-Query") != "a=b" {
				return errors.New("no query")
			}
			return nil
		}}, ""},
		{"no port", dockertest.HTTP{}, "Port declares none"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.want == "" {
				require.NoError(t, dockertest.WaitError(c, dockertest.WaitHTTP(tc.http)))
				return
			}
			// On a busy machine a short wait may end before a try was answered.
			var err error
			for d := 2 * time.Second; d < time.Minute; d *= 4 {
				if err = dockertest.WaitError(c, dockertest.WaitHTTP(tc.http).Within(d)); err == nil || strings.Contains(err.Error(), tc.want) {
					break
				}
			}
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// lineDriver is a database that is reached when testbox's listen answers.
type lineDriver struct{}

func (lineDriver) Open(dsn string) (driver.Conn, error) {
	conn, err := net.Dial("tcp", strings.TrimPrefix(dsn, "line://"))
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(conn, "x\n"); err == nil {
		_, err = conn.Read(make([]byte, 2))
	}
	return lineConn{conn}, err
}

type lineConn struct{ net.Conn }

func (lineConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (lineConn) Begin() (driver.Tx, error)           { return nil, driver.ErrSkip }

func init() { sql.Register("line", lineDriver{}) }

func TestWaitSQL(t *testing.T) {
	t.Parallel()
	dsn := func(addr string) string { return "line://" + addr }
	dockertest.Run(t, testbox(t), dockertest.Port(7000), dockertest.WaitSQL("line", 7000, dsn))
	_, err := dockertest.Start(t.Context(), testbox(t), dockertest.Port(7001), dockertest.WaitSQL("line", 7001, dsn).Within(3*time.Second))
	require.ErrorContains(t, err, "line to answer at port 7001: timed out after 3s: the last try: ")
}

// TestRestartedLog: a line of the run before does not make a container ready.
func TestRestartedLog(t *testing.T) {
	t.Parallel()
	c := dockertest.Run(t, testbox(t), cmd("chain cat /data/note ; ls /data ; sleep 1h"), dockertest.WaitLog("/data/note"))
	first := strings.Count(c.Output(), "/data/note")
	c.Restart()
	assert.Equal(t, 2*first, strings.Count(c.Output(), "/data/note"))
	err := dockertest.WaitError(c, dockertest.WaitLog("/data/note").Times(2).Within(3*time.Second))
	require.ErrorContains(t, err, "1 of 2 such lines came")
}
