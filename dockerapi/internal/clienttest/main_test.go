package clienttest_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// testStore is the store of all tests.
var testStore *image.Store

// socket is where the API is served for all tests, from one store.
var socket string

const box = "testbox:1"

func TestMain(m *testing.M) {
	testenv.Parallel(4)
	code, err := serve(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func serve(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "caisson-dockerapi-test-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	store, err := image.OpenStore(image.StoreOptions{Root: filepath.Join(dir, "store")})
	if err != nil {
		return 1, err
	}
	testStore = store
	defer func() {
		if derr := store.Destroy(context.Background()); derr != nil && err == nil {
			code, err = 1, derr
		}
	}()
	program, err := testenv.TestboxBinary()
	if err != nil {
		return 1, err
	}
	text := "FROM scratch\nCOPY testbox /bin/testbox\nCOPY passwd /etc/\nENV PATH=/bin\nRUN [\"/bin/testbox\", \"ln\", \"testbox\", \"/bin/sh\"]\nENTRYPOINT [\"/bin/testbox\"]\nCMD [\"echo\", \"hello\"]\n"
	_, err = store.Build(context.Background(), image.BuildOptions{DockerfileText: text, Tags: []string{box}, Context: fstest.MapFS{
		"testbox": {Data: program, Mode: 0o755}, "passwd": {Data: []byte("root:x:0:0::/root:/bin/sh\n"), Mode: 0o644},
	}})
	if err != nil {
		return 1, err
	}
	engine, err := container.NewEngine(store, container.EngineOptions{})
	if err != nil {
		return 1, err
	}
	socket = filepath.Join(dir, "docker.sock")
	listener, err := dockerapi.Listen(socket)
	if err != nil {
		return 1, err
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- dockerapi.Serve(ctx, listener, dockerapi.Handler(store, engine, dockerapi.Options{PublishOn: netip.MustParseAddr("127.0.0.1")}))
	}()
	code = m.Run()
	stop()
	return code, <-served
}

// docker is a client of the API.
func docker(t testing.TB, opts ...client.Opt) *client.Client {
	t.Helper()
	c, err := client.New(append([]client.Opt{client.WithHost("unix://" + socket)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}
