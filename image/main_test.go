package image_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
)

// envShell names the built shell, for a test process that can't build it.
const envShell = "CAISSON_TEST_SHELL"

func TestMain(m *testing.M) {
	if scenario := os.Getenv(envChild); scenario != "" {
		child(scenario)
		return
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil { // half of them wait for registries and processes
		panic(err)
	}
	os.Exit(m.Run())
}

// shell is a small static program that images of the tests have as their only content.
var shell = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "shell")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if p := os.Getenv(envShell); p != "" {
		return os.ReadFile(p)
	}
	out := filepath.Join(dir, "sh")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", out, "./testdata/shell")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if b, err := cmd.CombinedOutput(); err != nil {
		return nil, &exec.Error{Name: string(b), Err: err}
	}
	return os.ReadFile(out)
})

// context has the shell and the files given.
func buildContext(t testing.TB, files map[string]string) fstest.MapFS {
	t.Helper()
	sh, err := shell()
	require.NoError(t, err)
	fs := fstest.MapFS{"sh": {Data: sh, Mode: 0o755}}
	for name, text := range files {
		fs[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return fs
}

// open opens a store of the test's own.
func open(t testing.TB) *image.Store {
	t.Helper()
	s, err := image.OpenStore(image.StoreOptions{Root: storeDir(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// storeDir is the directory of a store that goes with the test: an ordinary user can't remove it with os.RemoveAll.
func storeDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "caisson-image-test-")
	require.NoError(t, err)
	root := filepath.Join(dir, "store")
	t.Cleanup(func() {
		s, err := image.OpenStore(image.StoreOptions{Root: root})
		require.NoError(t, err)
		require.NoError(t, s.Destroy(context.Background()))
		require.NoError(t, os.Remove(dir))
	})
	return root
}

// build builds a Dockerfile that may use /sh.
func build(t testing.TB, s *image.Store, dockerfile string, opts image.BuildOptions, files map[string]string) (*image.Image, error) {
	t.Helper()
	opts.Context = buildContext(t, files)
	opts.DockerfileText = dockerfile
	if opts.Output == nil {
		opts.Output = testWriter{t}
	}
	return s.Build(context.Background(), opts)
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}
