package dockertest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// goTool skips where a test that compiles can't.
func goTool(t testing.TB) {
	t.Helper()
	testenv.Program(t, "go", "golang")
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("compiled as root: this user does not read the source")
	}
}

func get(t testing.TB, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(b)
}

func TestNetwork(t *testing.T) {
	img := testbox(t)
	nw := dockertest.Network(t)
	dockertest.Run(t, img, nw.Alias("db", "store"), dockertest.WaitPort(7000))
	client := dockertest.Run(t, img, nw, cmd("sleep 1h"), dockertest.All())
	assert.Equal(t, "BY ALIAS", client.Exec("/bin/testbox", "dial", "db:7000", "by alias"))
	assert.Equal(t, "OTHER", client.Exec("/bin/testbox", "dial", "store:7000", "other"))
	assert.True(t, client.IP().Is4())
	apart := dockertest.Run(t, img, dockertest.Network(t), cmd("sleep 1h"), dockertest.All())
	assert.Error(t, apart.Command("/bin/testbox", "dial", "db:7000", "x").Run(t.Context()), "networks are apart")
}

// TestHostPorts: a container calls a server of the test where HostPorts says so, and else hears of the option.
func TestHostPorts(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello from the test") }))
	t.Cleanup(srv.Close)
	port := uint16(srv.Listener.Addr().(*net.TCPAddr).Port)
	call := dockertest.Cmd("get", fmt.Sprintf("http://host.docker.internal:%d/", port))
	for _, open := range []dockertest.Option{dockertest.HostPorts(port), dockertest.AllHostPorts()} {
		c := dockertest.Run(t, img, call, open, dockertest.WaitExit())
		assert.Contains(t, c.Output(), "hello from the test")
	}
	ft := inTest(t, func(t testing.TB) { dockertest.Run(t, img, call, dockertest.WaitExit(0)) })
	assert.True(t, ft.failed)
	for _, want := range []string{"refused", "hint: ", "the option HostPorts names"} {
		assert.Contains(t, ft.text.String(), want)
	}
	ft = inTest(t, func(t testing.TB) { dockertest.Run(t, img, call, dockertest.HostPorts(0)) })
	assert.Contains(t, ft.text.String(), "HostPorts: 0 is not a valid port")
}

func TestNetworkCleansUp(t *testing.T) {
	img := testbox(t)
	var name string
	t.Run("test", func(t *testing.T) {
		nw := dockertest.NetworkOf(t, container.NetworkOptions{Internal: true})
		name = nw.Name()
		dockertest.Run(t, img, nw)
	})
	assert.True(t, strings.HasPrefix(name, "TestNetworkCleansUp-test-"), name)
	eng, err := dockertest.Engine()
	require.NoError(t, err)
	_, err = eng.Network(t.Context(), name)
	require.ErrorIs(t, err, container.ErrNotFound)

	ft := inTest(t, func(t testing.TB) { dockertest.NetworkOf(t, container.NetworkOptions{Name: "bridge"}) })
	assert.True(t, ft.failed)
	assert.Contains(t, ft.text.String(), "dockertest: network: ")
}

func TestVolume(t *testing.T) {
	t.Parallel()
	img := testbox(t)
	var name string
	t.Run("test", func(t *testing.T) {
		vol := dockertest.Volume(t)
		name = vol.Name()
		// The first to mount it fills it, and ends; the next two share it.
		dockertest.Run(t, img, vol.At("/data"), cmd("write /data/more second"), dockertest.WaitExit())
		one := dockertest.Run(t, img, vol.At("/elsewhere"))
		assert.Equal(t, "from the image", one.Exec("/bin/testbox", "cat", "/elsewhere/note"))
		assert.Equal(t, "second", one.Exec("/bin/testbox", "cat", "/elsewhere/more"))
		reader := dockertest.Run(t, img, vol.ReadOnlyAt("/data"))
		one.Exec("/bin/testbox", "write", "/elsewhere/live", "third")
		assert.Equal(t, "third", reader.Exec("/bin/testbox", "cat", "/data/live"))
		require.ErrorContains(t, reader.Command("/bin/testbox", "write", "/data/x", "y").Run(t.Context()), "exit status")
		one.Stop()
		one.Start()
		assert.Equal(t, "third", one.Exec("/bin/testbox", "cat", "/elsewhere/live"))
	})
	assert.True(t, strings.HasPrefix(name, "TestVolume-test-"), name)
	eng, err := dockertest.Engine()
	require.NoError(t, err)
	_, err = eng.Volume(t.Context(), name)
	require.ErrorIs(t, err, container.ErrNotFound)
}

func TestRegistry(t *testing.T) {
	img := testbox(t)
	reg := dockertest.Registry(t, server.Options{Auth: server.Auth{Users: []server.User{{Name: "ci", Password: "secret"}}}})
	ref := reg.Push(img, "team/app:1")
	assert.Equal(t, reg.Addr+"/team/app:1", ref)
	_, err := dockertest.Start(t.Context(), ref)
	require.ErrorIs(t, err, image.ErrUnauthorized)
	c := dockertest.Run(t, ref, reg.Credentials(), dockertest.Port(7000))
	assert.Equal(t, "PULLED\n", ask(t, dial(t, c.Addr(7000)), "pulled"))

	remove := reg.Inject(server.Fault{Repository: "team/app", Status: http.StatusForbidden})
	_, err = dockertest.Start(t.Context(), reg.Ref("team/app:2"), reg.Credentials())
	require.ErrorIs(t, err, image.ErrDenied)
	assert.Positive(t, remove())

	ft := inTest(t, func(t testing.TB) {
		dockertest.Registry(t, server.Options{}).Push("localhost/not/here:1", "x:1")
	})
	assert.Contains(t, ft.text.String(), "dockertest: push localhost/not/here:1 to 127.0.0.1:")
}

// TestPullOnce: all who want an image at the same time get one pull of it.
func TestPullOnce(t *testing.T) {
	img := testbox(t)
	reg := dockertest.Registry(t, server.Options{})
	requests := func(name string, starts int) int {
		ref := reg.Push(img, name)
		reg.ResetRequests()
		var wg sync.WaitGroup
		for range starts {
			wg.Go(func() {
				c, err := dockertest.Start(t.Context(), ref)
				if assert.NoError(t, err) {
					assert.NoError(t, c.Close())
				}
			})
		}
		wg.Wait()
		return len(reg.Requests())
	}
	one := requests("one:1", 1)
	assert.Positive(t, one)
	assert.Equal(t, one, requests("four:1", 4))
}

func TestBuild(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"Dockerfile": {Data: []byte("FROM scratch\nCOPY testbox note /\nENTRYPOINT [\"/testbox\"]\nCMD [\"cat\", \"/note\"]\n"), Mode: 0o644},
		"testbox":    {Data: testenv.Testbox(t), Mode: 0o755},
		"note":       {Data: []byte("one"), Mode: 0o644},
	}
	one := dockertest.Build(t, image.BuildOptions{Context: files})
	assert.Equal(t, "one", dockertest.Run(t, one, dockertest.WaitExit()).Output())
	eng, err := dockertest.Engine()
	require.NoError(t, err)
	built, err := eng.Store().Get(t.Context(), one)
	require.NoError(t, err)
	assert.Equal(t, one, dockertest.Build(t, image.BuildOptions{Context: files}))

	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, files))
	require.NoError(t, os.Chmod(filepath.Join(dir, "testbox"), 0o755))
	for _, same := range []struct{ name, mode string }{{"note", ""}, {"Dockerfile", ""}} {
		require.NoError(t, os.Chmod(filepath.Join(dir, same.name), 0o644))
	}
	other := dockertest.Build(t, image.BuildOptions{Context: os.DirFS(dir), Args: map[string]string{"A": "b"}})
	assert.NotEqual(t, one, other)

	files["note"] = &fstest.MapFile{Data: []byte("two"), Mode: 0o644}
	two := dockertest.Build(t, image.BuildOptions{Context: files})
	assert.NotEqual(t, one, two)
	assert.Equal(t, "two", dockertest.Run(t, two, dockertest.WaitExit()).Output())
	again, err := eng.Store().Get(t.Context(), one)
	require.NoError(t, err)
	assert.Equal(t, built.Created, again.Created, "it was not built again")

	ft := inTest(t, func(t testing.TB) {
		dockertest.Build(t, image.BuildOptions{DockerfileText: "FROM scratch\nCOPY nothing /\n", Context: files})
	})
	assert.Contains(t, ft.text.String(), "dockertest: build: ")
	assert.Contains(t, ft.text.String(), "nothing")
}

func TestRunGo(t *testing.T) {
	goTool(t)
	c := dockertest.RunGo(t, "./testdata/server", dockertest.Port(8080), dockertest.Env("GREET", "tests"),
		dockertest.WaitHTTP(dockertest.HTTP{Body: "hello tests"}))
	assert.Equal(t, "hello tests\n", get(t, c.URL("http", 8080)))

	ft := inTest(t, func(t testing.TB) { dockertest.RunGo(t, "./testdata/nothing") })
	assert.Contains(t, ft.text.String(), "dockertest: build ./testdata/nothing: ")
}

// TestCoverage: what a container's program covers is collected beside all else.
func TestCoverage(t *testing.T) {
	goTool(t)
	dir := t.TempDir()
	t.Setenv("GOCOVERDIR", dir)
	for _, name := range []string{"", "x"} {
		c := dockertest.RunGo(t, "./testdata/server", dockertest.Port(8080), dockertest.Env("GREET", name), dockertest.Coverage())
		get(t, c.URL("http", 8080))
		require.NoError(t, c.Close())
	}
	out, err := exec.Command("go", "tool", "covdata", "func", "-i="+dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Regexp(t, `testdata/server/main.go:\d+:\s+hello\s+100.0%`, string(out))
	dirs, err := filepath.Glob(filepath.Join(dir, "container-*"))
	require.NoError(t, err)
	assert.Empty(t, dirs)
}

// TestReserve: a server knows before its start where this machine reaches it.
func TestReserve(t *testing.T) {
	t.Parallel()
	at := dockertest.Reserve(t, 7000)
	c := dockertest.Run(t, testbox(t), at, dockertest.Cmd("chain", "echo", at.Addr(), ";", "listen", ":7000"))
	assert.Equal(t, at.Addr(), c.Addr(7000))
	assert.Equal(t, at.HostPort(), c.HostPort(7000))
	assert.Contains(t, c.Output(), at.Addr()+"\n")
	for range 2 {
		conn := dial(t, at.Addr())
		_, err := fmt.Fprintln(conn, "hello")
		require.NoError(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "HELLO\n", line)
		require.NoError(t, conn.Close())
		c.Restart()
		assert.Equal(t, at.Addr(), c.Addr(7000), "it stays")
	}
	_, err := dockertest.Start(t.Context(), testbox(t), dockertest.Reserve(t, 7000), dockertest.Reuse(time.Minute))
	require.ErrorIs(t, err, container.ErrInvalidArgument)
	require.ErrorContains(t, err, "the address of Reserve ends with its test")
}
