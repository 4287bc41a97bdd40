package inputs_test

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
)

// project is a module whose tests note what they depend on, beside another module that it uses. Its path is below this
// module's, since the package under test is internal.
type project struct {
	t    *testing.T
	dir  string
	time time.Time // of the files
	env  []string
}

func newProject(t *testing.T) *project {
	t.Helper()
	checkout, err := filepath.Abs("../..")
	require.NoError(t, err)
	// A file that was written within the last two seconds is never a reason to keep a result.
	p := &project{t: t, dir: t.TempDir(), time: time.Now().Add(-24 * time.Hour)}
	p.env = append(os.Environ(), "GOWORK=off", "GOPROXY=off", "GOFLAGS=-mod=mod", "GOSUMDB=off")
	p.write("m/go.mod", fmt.Sprintf("module github.com/caisson-dev/caisson/cachetest\n\ngo 1.26.0\n\nrequire (\n\tgithub.com/caisson-dev/caisson v0.0.0\n\texample.com/dep v0.0.0\n)\n\n"+
		"replace (\n\tgithub.com/caisson-dev/caisson => %s\n\texample.com/dep => ../dep\n)\n", checkout))
	sum, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	require.NoError(t, err)
	p.write("m/go.sum", string(sum))
	p.write("dep/go.mod", "module example.com/dep\n")
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(p.t, os.WriteFile(path, []byte(text), 0o644))
	p.time = p.time.Add(time.Minute)
	require.NoError(p.t, os.Chtimes(path, p.time, p.time))
}

// test adds a package whose test calls the package under test.
func (p *project) test(name, call string) {
	p.write("m/"+name+"/x_test.go", strings.NewReplacer("NAME", name, "CALL", call).Replace(`package NAME

import (
	"os"
	"testing"

	"github.com/caisson-dev/caisson/internal/inputs"
)

var _, _ = os.DirFS, inputs.File

func TestNotes(t *testing.T) {
	if err := func() error { CALL }(); err != nil {
		t.Fatal(err)
	}
}
`))
}

var line = regexp.MustCompile(`(?m)^ok\s+github.com/caisson-dev/caisson/cachetest/(\S+)\s+(\(cached\))?`)

// run runs all tests and returns the packages whose result was not a kept one.
func (p *project) run() (ran []string) {
	p.t.Helper()
	cmd := exec.Command("go", "test", "-vet=off", "./...")
	cmd.Dir, cmd.Env = filepath.Join(p.dir, "m"), p.env
	out, err := cmd.CombinedOutput()
	require.NoError(p.t, err, "%s", out)
	found := line.FindAllStringSubmatch(string(out), -1)
	require.NotEmpty(p.t, found, "%s", out)
	for _, f := range found {
		if f[2] == "" {
			ran = append(ran, f[1])
		}
	}
	slices.Sort(ran)
	return ran
}

// TestGoTest: the go command runs a test again after a change of what the test has noted, and only then.
func TestGoTest(t *testing.T) {
	t.Parallel()
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("needs the Go toolchain's caches")
	}
	p := newProject(t)
	const packages = `return inputs.Packages(t.Context(), "..", os.Environ(), nil, "./cmd/%s")`
	main := "package main\n\n%s\nfunc main() {}\n"
	p.write("dep/dep.go", "package dep\n")
	p.write("m/cmd/source/main.go", fmt.Sprintf(main, ""))
	p.write("m/cmd/replaced/main.go", fmt.Sprintf(main, `import _ "example.com/dep"`))
	p.write("m/cmd/embed/main.go", fmt.Sprintf(main, "import \"embed\"\n\n//go:embed static\nvar static embed.FS\n"))
	p.write("m/cmd/embed/static/a.txt", "a")
	p.write("m/cmd/added/main.go", fmt.Sprintf(main, ""))
	cases := map[string]func(){
		"source":   func() { p.write("m/cmd/source/main.go", fmt.Sprintf(main, "var changed bool")) },
		"replaced": func() { p.write("dep/dep.go", "package dep\n\nvar changed bool\n") },
		"embed":    func() { p.write("m/cmd/embed/static/b.txt", "b") },
		"added":    func() { p.write("m/cmd/added/other.go", "package main\n") },
	}
	for name := range cases {
		p.test(name, fmt.Sprintf(packages, name))
	}
	for _, name := range []string{"fileoutside", "treeoutside", "treeinside", "fsoutside"} {
		p.write(name+"/x", "1")
		p.write(name+"/deep/y", "1")
		cases[name] = func() { p.write(name+"/deep/y", "2") }
	}
	p.write("m/treeinside/testdata/deep/y", "1")
	cases["treeinside"] = func() { p.write("m/treeinside/testdata/deep/y", "2") }
	p.test("fileoutside", `inputs.File("../../fileoutside/deep/y"); return nil`)
	p.test("treeoutside", `inputs.Tree("../../treeoutside"); return nil`)
	p.test("treeinside", `inputs.Tree("testdata"); return nil`)
	p.test("fsoutside", `inputs.FS(os.DirFS("../../fsoutside")); return nil`)
	p.test("missing", `inputs.File("../../missing"); return nil`)
	cases["missing"] = func() { p.write("missing", "it is there") }
	p.test("nothing", "return nil")

	assert.Len(t, p.run(), len(cases)+1)
	require.Empty(t, p.run(), "nothing has changed")
	var want []string
	for name, change := range cases {
		change()
		want = append(want, name)
	}
	slices.Sort(want)
	assert.Equal(t, want, p.run())
	assert.Empty(t, p.run(), "nothing has changed")

	mod, err := os.ReadFile(filepath.Join(p.dir, "m", "go.mod"))
	require.NoError(t, err)
	p.write("m/go.mod", string(mod)+"// a change\n")
	assert.Subset(t, p.run(), []string{"added", "embed", "replaced", "source"})
}
