package dockertest

import (
	"cmp"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest/internal/images"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/coverage"
)

// Build builds an image and returns its name, for Run:
//
//	img := dockertest.Build(t, image.BuildOptions{Context: os.DirFS("testdata/app")})
//
// It is built once: its name is made of the hash of the context's files and of the options, and all tests of all test
// binaries that build the same get the same. It stays in the store for the next run; image.Store.Prune removes it. A
// new version of a base image that has the same name is not noticed: set Cache.Disable to build anew.
func Build(t testing.TB, opts image.BuildOptions) string {
	t.Helper()
	ctx, cancel := testContext(t)
	defer cancel()
	eng, err := engine()
	if err != nil {
		t.Fatalf("dockertest: build: %v", err)
	}
	begin := time.Now()
	name, err := images.Build(ctx, eng, opts)
	noteBuild(t.Name(), cmp.Or(name, "a Dockerfile"), begin, err)
	if err != nil {
		t.Fatalf("dockertest: build: %v", err)
	}
	return name
}

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
	eng, err := engine()
	if err != nil {
		t.Fatalf("dockertest: build %s: %v", pkg, err)
	}
	begin := time.Now()
	name, err := images.BuildGo(ctx, eng, pkg, opts)
	noteBuild(t.Name(), pkg, begin, err)
	if err != nil {
		t.Fatalf("dockertest: build %s: %v", pkg, err)
	}
	return name
}

// inContainer is where the Go runtime of a container writes its coverage.
const inContainer = "/caisson-coverage"

// Coverage collects the coverage of a Go program in the directory that GOCOVERDIR or go test -args -test.gocoverdir names.
// Without such a directory it does nothing. The program must be built with -cover, as RunGo builds it with this option.
// It writes its coverage when it returns from main or calls os.Exit, so it must do one of these at its stop signal,
// SIGTERM. When the test is over, the container is stopped and not killed.
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
