package consumertest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/release"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/flock"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/internal/version"
)

// machine is where importers work: it has the go command with its caches, and a proxy that has this checkout as a
// version.
type machine struct {
	t        *testing.T
	dir      string
	checkout string
	version  string
	env      []string
}

// newMachine publishes the checkout. The importers keep the user's module and build caches: by another path of the module
// cache the go command would compile 700 packages anew.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("needs the Go toolchain's caches")
	}
	testenv.Program(t, "gcc", "gcc libc6-dev")
	src, err := version.Client()
	require.NoError(t, err)
	require.NotEmpty(t, src.Dir, "the test runs in a checkout")
	m := &machine{t: t, dir: t.TempDir(), checkout: src.Dir, version: "v0.99.0-" + src.Version}
	known := goEnv(t)
	t.Setenv("GOMODCACHE", known.GOMODCACHE)
	t.Setenv("GOCACHE", known.GOCACHE)
	t.Setenv(agentbin.EnvAgent, "")
	// For Destroy, at the end: the agent that the first importer has built.
	t.Setenv("XDG_CACHE_HOME", filepath.Join(m.dir, "replace-cache"))
	m.publish(known.GOMODCACHE)

	box := filepath.Join(m.dir, "testbox")
	require.NoError(t, os.WriteFile(box, testenv.Testbox(t), 0o755))
	m.env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "GOSUMDB=off", "CGO_ENABLED=0",
		"GOPROXY=file://"+filepath.Join(m.dir, "proxy")+",file://"+filepath.Join(known.GOMODCACHE, "cache", "download")+",off",
		testenv.EnvTestbox+"="+box, "CAISSON_ROOT="+m.store())
	return m
}

type caches struct{ GOMODCACHE, GOCACHE string }

func goEnv(t *testing.T) (c caches) {
	t.Helper()
	out, err := exec.Command("go", "env", "-json", "GOMODCACHE", "GOCACHE").Output()
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, &c))
	return c
}

// publish makes the proxy. The version is named by the hash of the source, so the build cache knows its packages in the
// next run; what the module cache gets of it is removed at the end, and what another run has left before.
func (m *machine) publish(modcache string) {
	m.t.Helper()
	path := filepath.Join(os.TempDir(), "caisson-consumer-"+m.version+".lock")
	lock, err := flock.Acquire(m.t.Context(), path, flock.Exclusive)
	require.NoError(m.t, err, "wait for another run of this test")
	m.t.Cleanup(func() {
		forget(m.t, modcache, m.version)
		assert.NoError(m.t, os.Remove(path))
		lock.Unlock()
	})
	forget(m.t, modcache, m.version)
	require.NoError(m.t, release.Proxy(filepath.Join(m.dir, "proxy"), m.checkout, m.version, m.prebuilt()))
}

// prebuilt are the binaries of the checkout as a release has them. That they are static, as a release's are, takes the
// compilation of all packages: make reproducible sets the variable for it.
func (m *machine) prebuilt() release.Binaries {
	m.t.Helper()
	dir := filepath.Join(m.dir, "prebuilt")
	require.NoError(m.t, os.Mkdir(dir, 0o755))
	b := release.Binaries{Arch: runtime.GOARCH, Dir: dir}
	if os.Getenv("CAISSON_TEST_STATIC") != "" {
		require.NoError(m.t, release.Build(m.t.Context(), m.checkout, m.version, b))
		return b
	}
	cmd := exec.Command("go", "build", "-buildvcs=false", "-tags", agentbin.BuildTags,
		"-ldflags", "-s -w -X "+version.Module+"/internal/version.build="+m.version, "-o", dir+"/", "./cmd/...")
	cmd.Dir = filepath.Join(m.checkout, "agent")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=1", "GOWORK=off", "GOFLAGS=-mod=readonly")
	out, err := cmd.CombinedOutput()
	require.NoError(m.t, err, "%s", out)
	return b
}

// forget removes a version of caisson from the module cache.
func forget(t *testing.T, modcache, v string) {
	t.Helper()
	for _, path := range []string{version.Module, version.AgentModule, agentbin.PrebuiltModule(runtime.GOARCH)} {
		source := filepath.Join(modcache, path+"@"+v)
		_ = filepath.WalkDir(source, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				err = os.Chmod(path, 0o755) // the go command makes its directories read-only
			}
			return err
		})
		assert.NoError(t, os.RemoveAll(source))
		files, err := filepath.Glob(filepath.Join(modcache, "cache", "download", path, "@v", v+".*"))
		assert.NoError(t, err)
		for _, f := range files {
			assert.NoError(t, os.Remove(f))
		}
	}
}

// store is the importers' store. An ordinary user can't remove what is in it: Destroy can, with the agent that was built
// from this checkout.
func (m *machine) store() string {
	m.t.Helper()
	root, err := os.MkdirTemp("", "caisson-consumer-")
	require.NoError(m.t, err)
	m.t.Cleanup(func() {
		store, err := image.OpenStore(image.StoreOptions{Root: root})
		require.NoError(m.t, err)
		require.NoError(m.t, store.Destroy(context.Background()))
	})
	return root
}

// consumer is an importer's module, with a cache of agents of its own.
type consumer struct {
	t     *testing.T
	dir   string
	cache string
	env   []string
	said  string // by the last test
}

// consumer makes an importer that requires nothing yet.
func (m *machine) consumer(name string) *consumer {
	m.t.Helper()
	c := &consumer{t: m.t, dir: filepath.Join(m.dir, name), cache: filepath.Join(m.dir, name+"-cache"), env: m.env}
	c.write("go.mod", "module example.com/consumer\n\ngo 1.26.0\n")
	c.write("one/one_test.go", strings.ReplaceAll(consumerTest, "PKG", "one"))
	c.write("two/two_test.go", strings.ReplaceAll(consumerTest, "PKG", "two"))
	return c
}

// in is the importer for another test.
func (c consumer) in(t *testing.T) *consumer {
	c.t = t
	c.env = c.env[:len(c.env):len(c.env)]
	return &c
}

func (c *consumer) write(name, text string) {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	require.NoError(c.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(c.t, os.WriteFile(path, []byte(text), 0o644))
}

func (c *consumer) copyFrom(other *consumer, names ...string) {
	c.t.Helper()
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(other.dir, name))
		require.NoError(c.t, err)
		c.write(name, string(text))
	}
}

// goRun runs the go command in the importer's module and returns what it printed.
func (c *consumer) goRun(args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 25*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = c.dir
	cmd.Env = append(c.env[:len(c.env):len(c.env)], "XDG_CACHE_HOME="+c.cache, "PWD="+c.dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(c.t, err, "go %s: %s%s", strings.Join(args, " "), out, &stderr)
	return string(out) + stderr.String()
}

// test runs the importer's tests in some of its packages and returns what they said.
func (c *consumer) test(packages ...string) string {
	c.t.Helper()
	begin := time.Now()
	c.said = c.goRun(append([]string{"test", "-v", "-count=1", "-timeout=25m"}, packages...)...)
	assert.Equal(c.t, len(packages), strings.Count(c.said, "--- PASS: TestHello"), c.said)
	c.t.Logf("go test took %.1f s", time.Since(begin).Seconds())
	return c.said
}

// bare leaves the consumer a home directory without anything, and no programs but Go and those that map user ids.
func (c *consumer) bare() {
	c.t.Helper()
	bin, home := filepath.Join(c.dir, "bin"), filepath.Join(c.dir, "home")
	for _, dir := range []string{bin, home} {
		require.NoError(c.t, os.Mkdir(dir, 0o755))
	}
	for _, name := range []string{"go", "newuidmap", "newgidmap"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		path, err = filepath.EvalSymlinks(path)
		require.NoError(c.t, err)
		require.NoError(c.t, os.Symlink(path, filepath.Join(bin, name)))
	}
	c.env = append(c.env, "PATH="+bin, "HOME="+home)
}

// gotOnce says that the two test binaries have had one agent downloaded.
func (c *consumer) gotOnce() {
	c.t.Helper()
	assert.Equal(c.t, 1, strings.Count(c.said, "caisson: downloaded the agent"), "downloaded once for both:\n%s", c.said)
	assert.NotContains(c.t, c.said, "caisson: built")
	agents, err := filepath.Glob(filepath.Join(c.cache, "caisson", "prebuilt-*"))
	require.NoError(c.t, err)
	assert.Len(c.t, agents, 3, "the agent, the small binary for inits, and the lock")
}

// builtOnce says that the two test binaries, which start together, have had one agent built.
func (c *consumer) builtOnce() {
	c.t.Helper()
	assert.Equal(c.t, 1, strings.Count(c.said, "caisson: built the agent"), "built once for both:\n%s", c.said)
	agents, err := filepath.Glob(filepath.Join(c.cache, "caisson", "agent-*"))
	require.NoError(c.t, err)
	assert.Len(c.t, agents, 3, "the agent, the small binary for inits, and the lock")
}
