//go:build linux

package dockertest_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/testenv"
)

// fixtureTest is a test of a module that uses this one. It tells what the container has at /out/conf.
const fixtureTest = `package NAME

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
)

func box(t *testing.T) string {
	data, err := os.ReadFile(os.Getenv("CAISSON_TESTBOX"))
	if err != nil {
		t.Fatal(err)
	}
	return dockertest.Build(t, image.BuildOptions{Context: fstest.MapFS{"testbox": {Data: data, Mode: 0o755}}, DockerfileText: "FROM scratch\nCOPY testbox /testbox\n"})
}

func TestFixture(t *testing.T) {
	sleep := dockertest.Cmd("/testbox", "sleep", "1h")
	_, _ = box, sleep
	got := func() string { CALL }()
	if got != "WANT" {
		t.Fatalf("got %q", got)
	}
}
`

// fixtures are the calls, by the name of their package. Each reads ../../NAME, which is outside of the module.
var fixtures = map[string]string{
	"rungo":    `return dockertest.RunGo(t, "example.com/rungo", dockertest.WaitExit()).Output()`,
	"build":    `img := dockertest.Build(t, image.BuildOptions{Context: os.DirFS("../../build")}); return dockertest.Run(t, img, sleep).Exec("/testbox", "cat", "/out/conf")`,
	"hostfile": `return dockertest.Run(t, box(t), sleep, dockertest.HostFile("../../hostfile/conf", "/conf")).Exec("/testbox", "cat", "/conf")`,
	"files":    `return dockertest.Run(t, box(t), sleep, dockertest.Files("/out", os.DirFS("../../files"))).Exec("/testbox", "cat", "/out/conf")`,
	"mount":    `return dockertest.Run(t, box(t), sleep, dockertest.Mount(os.Getenv("MOUNTED"), "/out")).Exec("/testbox", "cat", "/out/conf")`,
}

// importer is a module that uses this one.
type importer struct {
	t   *testing.T
	dir string
	env []string
}

func (i *importer) write(name, text string) {
	i.t.Helper()
	path := filepath.Join(i.dir, name)
	require.NoError(i.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(i.t, os.WriteFile(path, []byte(text), 0o644))
	old := time.Now().Add(-time.Hour) // the go command keeps no result by a file that was written just now
	require.NoError(i.t, os.Chtimes(path, old, old))
}

var testLine = regexp.MustCompile(`(?m)^(ok|FAIL)\s+example.com/importer/(\S+)\s+(\(cached\))?`)

// run runs all tests and says of each package what the go command printed.
func (i *importer) run() map[string]string {
	i.t.Helper()
	cmd := exec.Command("go", "test", "-vet=off", "./...")
	cmd.Dir, cmd.Env = filepath.Join(i.dir, "m"), i.env
	out, err := cmd.CombinedOutput()
	said := map[string]string{}
	for _, f := range testLine.FindAllStringSubmatch(string(out), -1) {
		said[f[2]] = strings.TrimSpace(f[1] + " " + f[3])
	}
	require.Len(i.t, said, len(fixtures), "%v\n%s", err, out)
	return said
}

func all(what string) map[string]string {
	said := map[string]string{}
	for name := range fixtures {
		said[name] = what
	}
	return said
}

// TestNotCached: a test that passed is run again, and fails, after a change of what its fixture is made of.
func TestNotCached(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("needs the Go toolchain's caches")
	}
	checkout, err := filepath.Abs("..")
	require.NoError(t, err)
	i := &importer{t: t, dir: t.TempDir()}
	root, box := childStore(t)
	i.env = slices.Concat(os.Environ(), []string{"GOWORK=off", "GOPROXY=off", "GOFLAGS=-mod=mod", "GOSUMDB=off", "CAISSON_ROOT=" + root,
		testenv.EnvTestbox + "=" + box, "MOUNTED=" + filepath.Join(i.dir, "mount")})
	i.write("m/go.mod", fmt.Sprintf("module example.com/importer\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/caisson-dev/caisson v0.0.0\n\texample.com/rungo v0.0.0\n)\n\n"+
		"replace (\n\tgithub.com/caisson-dev/caisson => %s\n\texample.com/rungo => ../rungo\n)\n", checkout))
	sum, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	require.NoError(t, err)
	i.write("m/go.sum", string(sum))
	i.write("rungo/go.mod", "module example.com/rungo\n")
	boxData, err := os.ReadFile(box)
	require.NoError(t, err)
	i.write("build/testbox", string(boxData))
	i.write("build/Dockerfile", "FROM scratch\nCOPY --chmod=755 testbox /testbox\nCOPY conf /out/conf\n")
	is := func(text string) {
		i.write("rungo/main.go", fmt.Sprintf("package main\n\nimport \"os\"\n\nfunc main() { os.Stdout.WriteString(%q) }\n", text))
		for name := range fixtures {
			i.write(name+"/conf", text)
		}
	}
	for name, call := range fixtures {
		i.write("m/"+name+"/x_test.go", strings.NewReplacer("NAME", name, "CALL", call, "WANT", "hello").Replace(fixtureTest))
	}
	is("hello")
	assert.Equal(t, all("ok"), i.run())
	assert.Equal(t, all("ok (cached)"), i.run())
	is("another")
	assert.Equal(t, all("FAIL"), i.run())
}
