// Package testenv says what a test needs of the machine, and why it was skipped.
package testenv

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
)

// EnvNoSkip turns every skip for a lack of the machine's into a failure: CI sets it.
const EnvNoSkip = "CAISSON_TEST_NO_SKIP"

// EnvTestbox names a built test userland, for a test process that can't build one.
const EnvTestbox = "CAISSON_TESTBOX"

// Parallel lets n tests run side by side, unless the command line says otherwise, and parses the flags. Tests wait for
// processes, disks and registries for half of their time, so there may be more of them than processors.
func Parallel(n int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(n)) // the flag is there, and n is a number
	}
}

// Skip skips the test because the machine lacks what, loudly.
func Skip(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(EnvNoSkip) != "" {
		t.Fatalf("this machine lacks: %s (and %s is set)", what, EnvNoSkip)
	}
	t.Skipf("SKIPPED, this machine lacks: %s", what)
}

// Slow leaves a test that takes seconds of processor time out of make test-short. The runs as ordinary users, which have
// -test.short for other reasons, keep it.
func Slow(t testing.TB) {
	t.Helper()
	if testing.Short() && os.Getenv("CAISSON_TEST_USER") == "" {
		t.Skip("not part of test-short: it takes seconds of processor time")
	}
}

// Root skips a test that needs root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Skip(t, "root (run the tests as root too)")
	}
}

// Program skips a test that needs a program, and returns its path.
func Program(t testing.TB, name, debian string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err != nil {
		Skip(t, name+" (Debian: apt-get install "+debian+")")
	}
	return p
}

var testbox = sync.OnceValues(func() (string, error) {
	if p := os.Getenv(EnvTestbox); p != "" {
		b, err := os.ReadFile(p)
		return string(b), err
	}
	_, file, _, _ := runtime.Caller(0)
	dir, err := os.MkdirTemp("", "caisson-testbox-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "testbox")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", out, "./testbox")
	cmd.Dir = filepath.Dir(file)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", err
	}
	b, err := os.ReadFile(out)
	if err != nil {
		return "", err
	}
	return string(b), os.RemoveAll(dir)
})

// Testbox returns the test userland's binary.
func Testbox(t testing.TB) []byte {
	t.Helper()
	b, err := TestboxBinary()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestboxBinary is Testbox for examples, which have no test.
func TestboxBinary() ([]byte, error) {
	b, err := testbox()
	if err != nil {
		return nil, fmt.Errorf("build the test userland: %w", err)
	}
	return []byte(b), nil
}
