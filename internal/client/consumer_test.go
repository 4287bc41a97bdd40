//go:build linux

package client_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/internal/version"
)

// consumerTest is what a stranger writes: no TestMain, no tag, no cgo.
const consumerTest = `package PKG

import (
	"context"
	"os"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
)

func TestHello(t *testing.T) {
	ctx := context.Background()
	store, err := image.OpenStore(image.StoreOptions{Root: os.Getenv("CONSUMER_ROOT")})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	box, err := os.ReadFile(os.Getenv("CAISSON_TESTBOX"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Build(ctx, image.BuildOptions{
		Context:        fstest.MapFS{"testbox": {Data: box, Mode: 0o755}},
		DockerfileText: "FROM scratch\nCOPY testbox /testbox\nENTRYPOINT [\"/testbox\"]\n",
		Tags:           []string{"localhost/consumer:PKG"},
	})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := container.NewEngine(store, container.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := engine.Start(ctx, container.Options{Image: "localhost/consumer:PKG", Cmd: []string{"sleep", "1h"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.Command("/testbox", "echo", "hello").Output(ctx)
	if err != nil || string(out) != "hello\n" {
		t.Fatalf("got %q, %v", out, err)
	}
}
`

// TestConsumer is an importer's first five minutes: a module of its own with two packages of tests, whose binaries
// start together, find no agent, and build one.
func TestConsumer(t *testing.T) {
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("needs the Go toolchain's caches")
	}
	testenv.Program(t, "gcc", "gcc libc6-dev")
	src, err := version.Client()
	require.NoError(t, err)
	dir, cache := t.TempDir(), t.TempDir()
	// An ordinary user can't remove what is in the store: Destroy can, with the agent that was built.
	root, err := os.MkdirTemp("", "caisson-consumer-")
	require.NoError(t, err)
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Cleanup(func() {
		store, err := image.OpenStore(image.StoreOptions{Root: root})
		require.NoError(t, err)
		require.NoError(t, store.Destroy(context.Background()))
	})
	box := filepath.Join(dir, "testbox.bin")
	require.NoError(t, os.WriteFile(box, testenv.Testbox(t), 0o755))
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	gomod, err := os.ReadFile(filepath.Join(src.Dir, "go.mod"))
	require.NoError(t, err)
	// The requirements of the module itself are what go get would write.
	write("go.mod", strings.Replace(string(gomod), "module "+version.Module, "module example.com/consumer\n\nrequire "+version.Module+
		" v0.0.0\n\nreplace "+version.Module+" => "+src.Dir, 1))
	gosum, err := os.ReadFile(filepath.Join(src.Dir, "go.sum"))
	require.NoError(t, err)
	write("go.sum", string(gosum))
	write("one/one_test.go", strings.ReplaceAll(consumerTest, "PKG", "one"))
	write("two/two_test.go", strings.ReplaceAll(consumerTest, "PKG", "two"))

	cmd := exec.Command("go", "test", "-v", "-count=1", "-timeout=25m", "./...")
	cmd.Dir = dir
	env := []string{"CGO_ENABLED=0", "GOFLAGS=-mod=mod", "XDG_CACHE_HOME=" + cache, "CAISSON_TESTBOX=" + box, "CONSUMER_ROOT=" + root}
	for _, kv := range os.Environ() {
		if k, _, _ := strings.Cut(kv, "="); k != "CAISSON_AGENT" {
			env = append(env, kv)
		}
	}
	gocache, err := exec.Command("go", "env", "GOCACHE").Output()
	require.NoError(t, err)
	cmd.Env = append(env, "GOCACHE="+strings.TrimSpace(string(gocache)), "CGO_ENABLED=0", "GOFLAGS=-mod=mod", "XDG_CACHE_HOME="+cache)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	text := string(out)
	assert.Equal(t, 1, strings.Count(text, "caisson: built the agent"), "built once for both:\n%s", text)
	assert.Equal(t, 2, strings.Count(text, "--- PASS: TestHello"))
	agents, err := filepath.Glob(filepath.Join(cache, "caisson", "agent-*"))
	require.NoError(t, err)
	assert.Len(t, agents, 4, "the agent, the small binaries for inits and copiers, and the lock")
}
