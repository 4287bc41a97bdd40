// Command link measures what an importer pays: how long a one-line edit of a test takes to become a test binary
// again, how many third-party packages it links, and how large it is; for a test that imports net/http alone, caisson's
// dockertest, and testcontainers-go, in turns.
//
//	cd internal/bench/link && go run . -n 5
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cases are the least that a test does with each: what is not called is not linked.
var cases = []struct{ name, path, call string }{
	{"net/http", "net/http", `x.Get("http://127.0.0.1:1/")`},
	{"caisson/dockertest", "github.com/caisson-dev/caisson/dockertest", `x.Run(t, "postgres:17", x.Port(5432))`},
	{"testcontainers-go", "github.com/testcontainers/testcontainers-go", `x.Run(t.Context(), "postgres:17", x.WithExposedPorts("5432/tcp"))`},
}

func main() {
	n := flag.Int("n", 5, "rounds")
	flag.Parse()
	if err := measure(*n); err != nil {
		fmt.Fprintln(os.Stderr, "link:", err)
		os.Exit(1)
	}
}

func measure(n int) error {
	// Below the module, so that its requirements hold.
	dir, err := os.MkdirTemp(".", "tmp-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	times := make([][]time.Duration, len(cases))
	for round := range n + 1 {
		for i, c := range cases {
			d, err := build(dir, i, c.path, c.call, round)
			if err != nil {
				return err
			}
			if round > 0 { // the first fills the build cache
				times[i] = append(times[i], d)
			}
		}
	}
	fmt.Printf("%-20s %10s %10s %12s %8s\n", "imports", "min s", "median s", "third-party", "MB")
	for i, c := range cases {
		slices.Sort(times[i])
		deps, err := thirdParty(dir, i)
		if err != nil {
			return err
		}
		st, err := os.Stat(binary(dir, i))
		if err != nil {
			return err
		}
		fmt.Printf("%-20s %10.2f %10.2f %12d %8.1f\n", c.name, times[i][0].Seconds(), times[i][len(times[i])/2].Seconds(), deps, float64(st.Size())/1e6)
	}
	return nil
}

func pkg(dir string, i int) string    { return filepath.Join(dir, fmt.Sprintf("case%d", i)) }
func binary(dir string, i int) string { return filepath.Join(pkg(dir, i), "case.test") }

// build edits a test and makes its binary.
func build(dir string, i int, path, call string, round int) (time.Duration, error) {
	d := pkg(dir, i)
	if err := os.MkdirAll(d, 0o755); err != nil {
		return 0, err
	}
	text := fmt.Sprintf("package p\n\nimport (\n\t\"testing\"\n\n\tx %q\n)\n\nfunc TestX(t *testing.T) {\n\tt.Log(%d, %d)\n\t%s\n}\n", path, round, time.Now().UnixNano(), call)
	if err := os.WriteFile(filepath.Join(d, "x_test.go"), []byte(text), 0o644); err != nil {
		return 0, err
	}
	cmd := exec.Command("go", "test", "-mod=mod", "-c", "-o", binary(dir, i), "./"+d)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%w\n%s", err, out)
	}
	return time.Since(begin), nil
}

// thirdParty counts the packages of other modules than the standard library and caisson.
func thirdParty(dir string, i int) (int, error) {
	cmd := exec.Command("go", "list", "-mod=mod", "-deps", "-test", "-f", "{{if and .Module (not .ForTest)}}{{.ImportPath}}{{end}}", "./"+pkg(dir, i))
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	n := 0
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "github.com/caisson-dev/caisson") {
			n++
		}
	}
	return n, nil
}
