//go:build linux

package consumertest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/version"
)

// consumerTest is what a stranger writes: no TestMain, no tag, no cgo.
const consumerTest = `package PKG

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
)

func TestHello(t *testing.T) {
	box, err := os.ReadFile(os.Getenv("CAISSON_TESTBOX"))
	if err != nil {
		t.Fatal(err)
	}
	img := dockertest.Build(t, image.BuildOptions{
		Context:        fstest.MapFS{"testbox": {Data: box, Mode: 0o755}},
		DockerfileText: "FROM scratch\nCOPY testbox /testbox\nENTRYPOINT [\"/testbox\"]\n",
	})
	c := dockertest.Run(t, img, dockertest.Cmd("sleep", "1h"))
	if out := c.Exec("/testbox", "echo", "hello PKG"); out != "hello PKG" {
		t.Fatalf("got %q", out)
	}
}
`

// Bounds of what an importer's module graph may have: a reader of a change looks through these lines.
const (
	maxModules = 25
	maxSums    = 40
)

// TestConsumer is an importer's first five minutes, in several ways. What a way needs of one before it, it says.
func TestConsumer(t *testing.T) {
	m := newMachine(t)

	byReplace := m.consumer("replace")
	byReplace.goRun("mod", "edit", "-require="+version.Module+"@v0.0.0", "-replace="+version.Module+"="+m.checkout)
	byReplace.goRun("mod", "tidy")
	t.Run("replace", func(t *testing.T) {
		c := byReplace.in(t)
		c.test("./one", "./two")
		c.builtOnce()
	})

	byVersion := m.consumer("version")
	byVersion.goRun("mod", "edit", "-require="+version.Module+"@"+m.version)
	byVersion.goRun("mod", "tidy")
	t.Run("few modules", func(t *testing.T) {
		c := byVersion.in(t)
		modules := c.goRun("list", "-m", "all")
		sums, err := os.ReadFile(filepath.Join(c.dir, "go.sum"))
		require.NoError(t, err)
		assert.LessOrEqual(t, strings.Count(modules, "\n"), maxModules, modules)
		assert.LessOrEqual(t, strings.Count(string(sums), "\n"), maxSums, "%s", sums)
		for _, engine := range []string{"containers/storage", "buildah", "runc", "gvisor", "go.podman.io", version.AgentModule} {
			assert.NotContains(t, modules, engine)
			assert.NotContains(t, string(sums), engine)
		}
	})
	if testing.Short() {
		t.Skip("the other ways, in short mode")
	}
	byDownload := m.consumer("prebuilt")
	t.Run("prebuilt", func(t *testing.T) { // by a user whose home is empty, on a machine that has Go alone
		c := byDownload.in(t)
		c.bare()
		c.copyFrom(byVersion, "go.mod", "go.sum")
		c.test("./one", "./two")
		c.gotOnce()

		c.env = append(c.env, "GOPROXY=off")
		assert.NotContains(t, c.test("./one"), "caisson: ", "offline after one run")
	})
	t.Run("version", func(t *testing.T) {
		c := byVersion.in(t)
		c.env = append(c.env, agentbin.EnvSource+"="+agentbin.FromBuild)
		c.test("./one", "./two")
		c.builtOnce()
	})
	t.Run("vendored", func(t *testing.T) { // with the agent of "prebuilt", which its user has in the cache by now
		c := m.consumer("vendored").in(t)
		c.cache = byDownload.cache
		c.copyFrom(byVersion, "go.mod", "go.sum")
		c.goRun("mod", "vendor")
		require.NoDirExists(t, filepath.Join(c.dir, "vendor", version.AgentModule))
		assert.NotContains(t, c.test("./one"), "caisson: ")
	})
	t.Run("vendored replacement", func(t *testing.T) { // with the agent of "replace"
		c := m.consumer("vendored-replacement").in(t)
		c.cache = byReplace.cache
		c.copyFrom(byReplace, "go.mod", "go.sum")
		c.goRun("mod", "vendor")
		assert.NotContains(t, c.test("./one"), "caisson: built")
	})
	t.Run("mod=mod", func(t *testing.T) { // likewise; go.mod has one line, and the go command adds the rest
		c := m.consumer("mod").in(t)
		c.cache = byVersion.cache
		c.env = append(c.env, "GOFLAGS=-mod=mod")
		c.goRun("mod", "edit", "-require="+version.Module+"@"+m.version)
		assert.NotContains(t, c.test("./one"), "caisson: built")
	})
}
