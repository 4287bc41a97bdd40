package dockertest_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
)

// ask sends a line and returns the answer, which testbox's listen makes of it.
func ask(t testing.TB, conn net.Conn, line string) string {
	t.Helper()
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err := fmt.Fprintln(conn, line)
	require.NoError(t, err)
	answer, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	return answer
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	return conn
}

func TestRunIsReady(t *testing.T) {
	c := dockertest.Run(t, testbox(t), dockertest.Port(7000))
	assert.Equal(t, "HELLO\n", ask(t, dial(t, c.Addr(7000)), "hello"))
	assert.Equal(t, fmt.Sprintf("redis://127.0.0.1:%d", c.HostPort(7000)), c.URL("redis", 7000))
	conn, err := c.Fixture().Dial(t.Context(), "tcp", ":7000")
	require.NoError(t, err)
	assert.Equal(t, "DIALLED\n", ask(t, conn, "dialled"))
}

// TestRunWithoutPort: the image's EXPOSE is waited for, and Addr publishes it when asked.
func TestRunWithoutPort(t *testing.T) {
	c := dockertest.Run(t, testbox(t))
	require.Empty(t, c.Inspect().Ports, "nothing is published unasked")
	addr := c.Addr(7000)
	assert.Equal(t, addr, c.Addr(7000))
	assert.Equal(t, "ONE\n", ask(t, dial(t, addr), "one"))
	assert.Equal(t, "TWO\n", ask(t, dial(t, addr), "two"))
	require.NoError(t, c.Close())
	_, err := net.Dial("tcp", addr)
	require.Error(t, err, "it goes with the container")
	require.NoError(t, c.Close())
}

func TestRunCleansUp(t *testing.T) {
	var c *dockertest.Container
	img := testbox(t)
	t.Run("test", func(t *testing.T) { c = dockertest.Run(t, img) })
	_, err := c.Fixture().Inspect(t.Context())
	require.ErrorIs(t, err, container.ErrNotFound)
}

func TestOptions(t *testing.T) {
	img := testbox(t)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "in"), []byte("from the host"), 0o644))
	c := dockertest.Run(t, img,
		dockertest.Options(dockertest.Env("A", "b=c"), dockertest.Env("EMPTY", "")),
		dockertest.Cmd("chain", "env", ";", "pwd", ";", "cat", "/m/in", ";", "write", "/tmp/x", "y", ";", "hostname", ";", "sleep", "1h"),
		dockertest.Dir("/data"), dockertest.Mount(dir, "/m"), dockertest.Tmpfs("/tmp"), dockertest.Label("mine", "yes"),
		dockertest.Modify(func(o *container.Options) { o.Networking.Hostname = "modified" }),
		dockertest.WaitLog("from the hostmodified")) // the file ends without a newline; "modified" alone is in the environment
	assert.Contains(t, c.Output(), "A=b=c\nEMPTY=\n")
	assert.Contains(t, c.Output(), "/data\nfrom the host")
	assert.Equal(t, "y", c.Exec("/bin/testbox", "cat", "/tmp/x"))
	info := c.Inspect()
	assert.Equal(t, map[string]string{"mine": "yes", "dev.caisson.dockertest.test": "TestOptions"}, info.Options.Labels)

	c = dockertest.Run(t, img, dockertest.Entrypoint("/bin/testbox", "echo", "only this"), dockertest.WaitExit())
	assert.Equal(t, "only this\n", c.Output())
}

func TestFiles(t *testing.T) {
	img := testbox(t)
	host := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(host, []byte("from the host"), 0o755))
	c := dockertest.Run(t, img, cmd("chain cat /etc/new/conf ; cat /srv/a/b ; cat /opt/on/the/way ; cat /data/note ; sleep 1h"),
		dockertest.File("/etc/new/conf", []byte("conf ")),
		dockertest.Files("/srv", fstest.MapFS{"a/b": {Data: []byte("tree "), Mode: 0o600}}),
		dockertest.HostFile(host, "/opt/on/the/way"), // which is made
		dockertest.File("/data/note", []byte(" replaced\n")),
		dockertest.WaitLog("replaced"))
	assert.Equal(t, "conf tree from the host replaced\n", c.Output())
	require.NoError(t, c.Fixture().WriteFile(t.Context(), "/later", []byte("later"), 0o644, container.CopyOptions{}))
	assert.Equal(t, "later", c.Exec("/bin/testbox", "cat", "/later"))
	got, err := c.Fixture().ReadFile(t.Context(), "/srv/a/b")
	require.NoError(t, err)
	assert.Equal(t, "tree ", string(got))

	_, err = dockertest.Start(t.Context(), img, dockertest.HostFile("/no/such/file", "/x"))
	require.ErrorContains(t, err, "HostFile /no/such/file: ")
}

func TestBadOptions(t *testing.T) {
	for _, tc := range []struct {
		name, image string
		opts        []dockertest.Option
		want        string
	}{
		{"no image", "", nil, "the image has no name"},
		{"nil", "x", []dockertest.Option{nil}, "an option is nil"},
		{"variable without a name", "x", []dockertest.Option{dockertest.Env("", "x")}, "Env: the variable has no name"},
		{"port", "x", []dockertest.Option{dockertest.Port(0)}, "Port: 0 is not a valid port"},
		{"expression", "x", []dockertest.Option{dockertest.WaitLogMatch("(")}, "missing closing )"},
		{"inside All", "x", []dockertest.Option{dockertest.All(dockertest.WaitLogMatch("("))}, "missing closing )"},
		{"empty text", "x", []dockertest.Option{dockertest.WaitLog("")}, "the text is empty"},
		{"Any of none", "x", []dockertest.Option{dockertest.Any()}, "Any has no strategies"},
		{"driver", "x", []dockertest.Option{dockertest.WaitSQL("oracle", 1, func(a string) string { return a })}, `no driver "oracle"`},
		{"zero Wait", "x", []dockertest.Option{dockertest.Wait{}}, "made by a function"},
		{"ports of none", "x", []dockertest.Option{dockertest.WaitPort()}, "Port declares none"},
		{"HTTP of no port", "x", []dockertest.Option{dockertest.All(dockertest.WaitHTTP(dockertest.HTTP{}))}, "Port declares none"},
		{"never", "x", []dockertest.Option{dockertest.WaitExit().Times(0)}, "Times(0): it must be at least 1"},
		{"HTTP path", "x", []dockertest.Option{dockertest.WaitHTTP(dockertest.HTTP{Path: "health"})}, "not an absolute path"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := dockertest.Start(t.Context(), tc.image, tc.opts...)
			require.ErrorIs(t, err, container.ErrInvalidArgument)
			require.ErrorContains(t, err, tc.want)
		})
	}
	_, err := dockertest.Start(t.Context(), "", dockertest.Port(0))
	require.ErrorContains(t, err, "no name")
	require.ErrorContains(t, err, "0 is not a valid port", "all that is wrong is told at once")
}

func TestLifecycle(t *testing.T) {
	c := dockertest.Run(t, testbox(t), dockertest.Port(7000))
	c.Exec("/bin/testbox", "write", "/data/mine", "kept")
	c.Restart()
	assert.Equal(t, "kept", c.Exec("/bin/testbox", "cat", "/data/mine"))
	assert.Equal(t, "AGAIN\n", ask(t, dial(t, c.Addr(7000)), "again"))
	c.Kill("")
	assert.Equal(t, "SIGKILL", c.Inspect().State.Signal)
	c.Start()
	assert.Equal(t, "MORE\n", ask(t, dial(t, c.Addr(7000)), "more"))
}

func TestPause(t *testing.T) {
	needs(t, "cgroups")
	c := dockertest.Run(t, testbox(t), dockertest.Port(7000))
	c.Pause()
	conn := dial(t, c.Addr(7000))
	defer conn.Close()
	_, err := fmt.Fprintln(conn, "hello")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "it hangs")
	c.Resume()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(10*time.Second)))
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "HELLO\n", line)
}

// needs skips where the host lacks something that only a few options need.
func needs(t testing.TB, name string) {
	t.Helper()
	dockertest.Skip(t, name)
}

func TestOffline(t *testing.T) {
	_, err := dockertest.Start(t.Context(), "127.0.0.1:1/not/here:1", dockertest.Offline())
	require.ErrorIs(t, err, image.ErrNotFound)
	require.ErrorContains(t, err, "offline")
	_, err = dockertest.Start(t.Context(), "127.0.0.1:1/not/here:1")
	require.ErrorIs(t, err, image.ErrUnreachable)
}

func TestParallel(t *testing.T) {
	img := testbox(t)
	for i := range 12 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			c := dockertest.Run(t, img, dockertest.Port(7000))
			assert.Equal(t, "HELLO\n", ask(t, dial(t, c.Addr(7000)), "hello"))
		})
	}
}

func BenchmarkRun(b *testing.B) {
	img := testbox(b)
	for b.Loop() {
		c := dockertest.Run(b, img, dockertest.Port(7000))
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
