package dockertest

import (
	"cmp"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/dockertest/internal/images"
	"github.com/caisson-dev/caisson/image"
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
