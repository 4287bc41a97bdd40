package dockertest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/coverage"
	"github.com/caisson-dev/caisson/internal/inputs"
)

// RunGo is Run of an image made of a main package, by its import path or as ./cmd/server from the test's directory.
// The image has the program and nothing else; it is compiled once per test binary.
func RunGo(t testing.TB, pkg string, opts ...Option) *Container {
	t.Helper()
	s := applied(opts)
	g := image.GoOptions{Platform: s.platform}
	if s.coverage {
		g.Flags = []string{"-cover"}
	}
	return run(t, BuildGo(t, pkg, g), s)
}

// BuildGo makes an image of a main package, as image.Store.BuildGo does, and returns its name, for Run.
func BuildGo(t testing.TB, pkg string, opts image.GoOptions) string {
	t.Helper()
	ctx, cancel := testContext(t)
	defer cancel()
	name, err := buildGo(ctx, pkg, opts)
	if err != nil {
		t.Fatalf("dockertest: build %s: %v", pkg, err)
	}
	return name
}

func buildGo(ctx context.Context, pkg string, opts image.GoOptions) (string, error) {
	eng, err := engine()
	if err != nil {
		return "", err
	}
	name, err := goName(pkg, opts)
	if err != nil {
		return "", err
	}
	return builds.Do(ctx, name, func() (string, error) {
		before, _ := eng.Store().Get(ctx, name) // not there the first time
		noted := make(chan error, 1)
		go func() { noted <- inputs.Packages(ctx, opts.Dir, goEnv(opts), opts.Flags, pkg) }()
		opts.Tags = append([]string{name}, opts.Tags...)
		img, err := eng.Store().BuildGo(ctx, pkg, opts)
		if missed := <-noted; err == nil {
			err = missed
		}
		if err != nil {
			return "", err
		}
		if before != nil && before.ID != img.ID {
			_, _ = eng.Store().Remove(ctx, before.ID, image.RemoveOptions{}) // the source has changed; another test may still use it
		}
		return name, nil
	})
}

// goEnv is the environment of the go command as image.Store.BuildGo sets it, as far as it chooses files.
func goEnv(opts image.GoOptions) []string {
	arch := runtime.GOARCH
	if _, a, ok := strings.Cut(opts.Platform, "/"); ok {
		arch = a
	}
	return append(slices.Concat(os.Environ(), opts.Env), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
}

// goName is the same for the same package of the same directory, built in the same way.
func goName(pkg string, opts image.GoOptions) (string, error) {
	dir, err := filepath.Abs(opts.Dir)
	if err != nil {
		return "", err
	}
	files := opts.Files
	opts.Files, opts.Output = nil, nil
	o, err := json.Marshal(opts)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%q %q %s\n", dir, pkg, o)
	if files != nil {
		if err := inputs.Hash(h, files); err != nil {
			return "", err
		}
	}
	base := notInNames.ReplaceAllString(strings.ToLower(path.Base(filepath.ToSlash(filepath.Join(dir, pkg)))), "-")
	return fmt.Sprintf("%s/%s:%x", testRepository, strings.Trim("go-"+base, "-"), h.Sum(nil)[:8]), nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// inContainer is where the Go runtime of a container writes its coverage.
const inContainer = "/caisson-coverage"

// Coverage collects what a Go program built with -cover, as RunGo does by this option, has covered, into the directory
// that GOCOVERDIR or go test -args -test.gocoverdir names; without one it does nothing. The program writes it when it
// returns from main or calls os.Exit, so it has to do that at its stop signal, SIGTERM: the container is stopped, not
// killed, when the test is over.
func Coverage() Option {
	return optionFunc(func(s *settings) {
		if coverage.Dir() == "" {
			return
		}
		s.coverage, s.graceful = true, true
		if s.opts.Lifecycle.StopTimeout == 0 {
			s.opts.Lifecycle.StopTimeout = 10 * time.Second
		}
	})
}

// cover gives the container a directory to write its coverage to.
func (s *settings) cover() error {
	if !s.coverage {
		return nil
	}
	dir := coverage.Dir()
	tmp, err := os.MkdirTemp(dir, "container-")
	if err != nil {
		return fmt.Errorf("coverage: %w", err)
	}
	s.atEnd = append(s.atEnd, func() error { return coverage.Collect(tmp, dir) })
	s.opts.Env = append(s.opts.Env, "GOCOVERDIR="+inContainer)
	s.opts.Mounts = append(s.opts.Mounts, container.Mount{Source: tmp, Target: inContainer})
	return os.Chmod(tmp, 0o777) // the container's user may be any
}
