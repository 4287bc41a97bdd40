// Package deptest holds the lines between the packages.
package deptest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/caisson-dev/caisson"

type pkg struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, args...)...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	require.NoError(t, err)
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		require.NoError(t, err)
		pkgs = append(pkgs, p)
	}
}

func inside(path, dir string) bool {
	return path == module+"/"+dir || strings.HasPrefix(path, module+"/"+dir+"/")
}

// TestDirection: dockertest → container → image → internal/client, and the client side never reaches the engine.
func TestDirection(t *testing.T) {
	for _, c := range []struct {
		from      string
		forbidden []string
		why       string
	}{
		{"dockertest", []string{"agent"}, "an importer must not compile the engine"},
		{"container", []string{"agent", "dockertest", "registry/server"}, "the client side is thin"},
		{"image", []string{"agent", "dockertest", "container", "registry/server"}, "image is below container"},
		{"registry", []string{"agent", "dockertest", "container", "image", "internal/client"}, "registry stands alone"},
		{"registry/server", []string{"agent", "dockertest", "container", "image", "internal/client"}, "the server needs the client alone"},
		{"internal/flock", []string{"agent", "internal", "image", "container", "registry"}, "it knows files alone"},
		{"internal/atomicfile", []string{"agent", "internal", "image", "container", "registry"}, "it knows files alone"},
		{"internal/manifest", []string{"agent", "internal", "image", "container", "registry"}, "it is pure"},
		{"internal/client", []string{"agent", "image", "container", "registry"}, "the client is at the bottom"},
		{"internal/api", []string{"internal", "image", "container"}, "both sides share it"},
	} {
		for _, p := range list(t, "./"+c.from) {
			for _, d := range p.Deps {
				for _, f := range c.forbidden {
					assert.False(t, inside(d, f) && d != p.ImportPath, "%s must not reach %s: %s", c.from, d, c.why)
				}
			}
		}
	}
}

// TestNoServerInClients: who imports image, container or the registry's client links no registry.
func TestNoServerInClients(t *testing.T) {
	for _, p := range list(t, "./image", "./container", "./registry") {
		for _, d := range p.Deps {
			assert.False(t, inside(d, "registry/server"), "%s must not reach %s", p.ImportPath, d)
			assert.NotEqual(t, "cuelabs.dev/go/oci/ociregistry/ociserver", d, "%s must not reach it", p.ImportPath)
		}
	}
}

// TestTestingStaysInTests: a program must not link package testing and its flags, nor testify.
func TestTestingStaysInTests(t *testing.T) {
	for _, p := range list(t, "./...") {
		if inside(p.ImportPath, "dockertest") || inside(p.ImportPath, "internal/testenv") || inside(p.ImportPath, "internal/agenttest") || inside(p.ImportPath, "registry/internal/registrytest") || inside(p.ImportPath, "examples") {
			continue
		}
		for _, i := range p.Imports {
			assert.NotEqual(t, "testing", i, "%s imports testing: only dockertest and tests do", p.ImportPath)
			assert.False(t, strings.HasPrefix(i, "github.com/stretchr/testify"), "%s imports testify: only tests do", p.ImportPath)
		}
	}
}
