// Package deptest holds the lines between the packages of this module, and their sizes.
package deptest

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/rooms"
)

const module = "github.com/caisson-dev/caisson"

func list(t *testing.T) []rooms.Room {
	t.Helper()
	all, err := rooms.List("../..", module)
	require.NoError(t, err)
	return all
}

// floors: what is imported stands on a lower floor than who imports it.
var floors = [][]string{
	{"examples/...", "internal/bench/peers"},
	{
		"dockertest/etcd", "dockertest/memcached", "dockertest/mosquitto", "dockertest/mysql", "dockertest/nats", "dockertest/postgres", "dockertest/redis",
		"dockertest/registry",
	},
	{"dockertest/internal/typed"},
	{"dockertest"},
	{"dockertest/internal/images"},
	{"dockertest/internal/..."},
	{"container"},
	{"container/internal/hostcopy"},
	{"image", "registry/internal/registrytest", "internal/agenttest"},
	{"registry/server", "internal/bridge", "internal/testenv", "internal/hostcheck"},
	{"registry", "registry/server/internal/storage", "internal/client"},
	{"internal/agentbin", "internal/answer", "internal/cliline", "internal/flight", "internal/timeline"},
	{"", "internal/..."},
}

func TestDirection(t *testing.T) {
	t.Parallel()
	for _, wrong := range rooms.Upward(list(t), module, floors) {
		t.Error(wrong)
	}
}

// TestReach: what a package must not reach, by whatever way.
func TestReach(t *testing.T) {
	t.Parallel()
	of := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, module+"/"+n)
		}
		return paths
	}
	const server, ociserver = "registry/server", "cuelabs.dev/go/oci/ociregistry/ociserver"
	for _, wrong := range rooms.Reached(list(t), module, []rooms.Rule{
		{Room: "dockertest", Forbidden: of("agent"), Why: "an importer must not compile the engine"},
		{Room: "container", Forbidden: append(of("agent", server), ociserver), Why: "the client side is thin"},
		{Room: "image", Forbidden: append(of("agent", server), ociserver), Why: "the client side is thin"},
		{Room: "registry", Forbidden: of("agent", "internal/client"), Why: "registry stands alone"},
		{Room: "internal/flock", Forbidden: []string{module}, Why: "it knows files alone"},
		{Room: "internal/atomicfile", Forbidden: []string{module}, Why: "it knows files alone"},
		{Room: "internal/certsd", Forbidden: []string{module}, Why: "it knows files alone"},
		{Room: "internal/manifest", Forbidden: []string{module}, Why: "it is pure"},
		{Room: "internal/client", Forbidden: of("agent"), Why: "the client is at the bottom"},
		{Room: "internal/api", Forbidden: []string{module}, Why: "both sides share it"},
	}) {
		t.Error(wrong)
	}
	// Who imports the registry's client links no registry.
	for _, r := range list(t) {
		if r.Path == "registry" {
			assert.NotContains(t, r.Deps, module+"/"+server)
			assert.NotContains(t, r.Deps, ociserver)
		}
	}
}

// larger are the rooms that are larger than a room should be. An exception never grows, and goes when it is not needed.
var larger = []rooms.Exception{
	{Path: "container", Files: 40, Why: "a verb of the public API is a file, with its options and errors"},
}

func TestSizes(t *testing.T) {
	t.Parallel()
	for _, wrong := range rooms.Sizes(list(t), larger) {
		t.Error(wrong)
	}
}

// TestTestingStaysInTests: a program must not link package testing and its flags, nor testify.
func TestTestingStaysInTests(t *testing.T) {
	t.Parallel()
	forTests := []string{"dockertest", "internal/testenv", "internal/agenttest", "registry/internal/registrytest", "examples"}
	for _, r := range list(t) {
		if slices.ContainsFunc(forTests, func(dir string) bool { return r.Path == dir || strings.HasPrefix(r.Path, dir+"/") }) {
			continue
		}
		for _, i := range r.Imports {
			assert.NotEqual(t, "testing", i, "%s imports testing: only dockertest and tests do", r.Path)
			assert.False(t, strings.HasPrefix(i, "github.com/stretchr/testify"), "%s imports testify: only tests do", r.Path)
		}
	}
}
