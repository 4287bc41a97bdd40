package image_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// envShell names the built shell, for a test process that can't build it.
const envShell = "CAISSON_TEST_SHELL"

func TestMain(m *testing.M) {
	if scenario := os.Getenv(envChild); scenario != "" {
		child(scenario)
		return
	}
	testenv.Parallel(4)
	if os.Getenv(envShell) != "" { // there is no Go toolchain
		skip := flag.Lookup("test.skip").Value
		all := "^ExampleStore_BuildGo$"
		if skip.String() != "" {
			all = skip.String() + "|" + all
		}
		if err := skip.Set(all); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	if examples.store != nil {
		if err := errors.Join(examples.store.Destroy(context.Background()), os.Remove(examples.dir)); err != nil {
			fmt.Fprintln(os.Stderr, "destroy the examples' store:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// examples has the store of the examples.
var examples struct {
	dir   string
	store *image.Store
}

// exampleStore returns the store of the examples. It has the image app:1, of one small program.
var exampleStore = sync.OnceValue(func() *image.Store {
	dir, err := os.MkdirTemp("", "caisson-image-example-")
	if err != nil {
		log.Fatal(err)
	}
	if examples.store, err = image.OpenStore(image.StoreOptions{Root: filepath.Join(dir, "store")}); err != nil {
		log.Fatal(err)
	}
	examples.dir = dir
	opts := image.BuildOptions{Context: exampleFiles(), DockerfileText: "FROM scratch\nCOPY . /\nCMD [\"/bin/app\"]\n", Tags: []string{"app:1"}}
	if _, err := examples.store.Build(context.Background(), opts); err != nil {
		log.Fatal(err)
	}
	return examples.store
})

// exampleFiles are a program and a file.
func exampleFiles() fs.FS {
	sh, err := shell()
	if err != nil {
		log.Fatal(err)
	}
	return fstest.MapFS{"bin/app": {Data: sh, Mode: 0o755}, "etc/motd": {Data: []byte("hello\n"), Mode: 0o644}}
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
	all := fstest.MapFS{"sh": {Data: sh, Mode: 0o755}}
	for name, text := range files {
		all[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	return all
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
