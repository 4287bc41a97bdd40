// Package registrytest is what the tests of the registry's client and server share: registries to serve, content to push, and
// a client of another make. Only tests import it.
package registrytest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociclient"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func PushBlob(t testing.TB, c ociregistry.Interface, repo, content string) ociregistry.Descriptor {
	t.Helper()
	desc := ociregistry.Descriptor{
		MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromString(content), Size: int64(len(content)),
	}
	_, err := c.PushBlob(context.Background(), repo, desc, strings.NewReader(content))
	require.NoError(t, err)
	return desc
}

// imageManifest is the manifest of an image with an empty config.
func ImageManifest(config ociregistry.Descriptor, layers ...ociregistry.Descriptor) ocispec.Manifest {
	config.MediaType = ocispec.MediaTypeImageConfig
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: layers}
	m.SchemaVersion = 2
	return m
}

func PushManifest(t testing.TB, c ociregistry.Interface, repo, tag, mediaType string, m any) ociregistry.Descriptor {
	t.Helper()
	data, err := json.Marshal(m)
	require.NoError(t, err)
	desc, err := c.PushManifest(context.Background(), repo, tag, data, mediaType)
	require.NoError(t, err)
	return desc
}

func PushImage(t testing.TB, c ociregistry.Interface, repo, tag string, layers ...string) ociregistry.Descriptor {
	t.Helper()
	var descs []ociregistry.Descriptor
	for _, l := range layers {
		descs = append(descs, PushBlob(t, c, repo, l))
	}
	m := ImageManifest(PushBlob(t, c, repo, "{}"), descs...)
	return PushManifest(t, c, repo, tag, m.MediaType, m)
}

func GetBlob(t testing.TB, c ociregistry.Interface, repo string, d ociregistry.Digest) string {
	t.Helper()
	r, err := c.GetBlob(context.Background(), repo, d)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(data)
}

// answer is what a server said.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// do sends a request as it stands, with headers given as NAME, VALUE pairs.
func Do(t testing.TB, method, url, body string, headers ...string) Answer {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return Answer{resp.StatusCode, resp.Header, string(data)}
}

// sum is the sha256 digest of content.
func Sum(content string) string { return digest.FromString(content).String() }

// serve serves a registry for the test.
func Serve(t *testing.T, o server.Options) *server.Serving {
	t.Helper()
	reg, err := server.Serve(o, server.ServeOptions{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, reg.Close()) })
	return reg
}

// stores runs a test with both stores.
func Stores(t *testing.T, test func(t *testing.T, o server.Options)) {
	t.Run("memory", func(t *testing.T) { test(t, server.Options{}) })
	t.Run("dir", func(t *testing.T) { test(t, server.Options{Dir: t.TempDir()}) })
}

// dial is a client of another make than ours.
func Dial(t *testing.T, addr string) ociregistry.Interface {
	t.Helper()
	c, err := ociclient.New(addr, &ociclient.Options{Insecure: true})
	require.NoError(t, err)
	return c
}

// team is the rules of these tests.
var Team = server.Auth{
	Users: []server.User{
		{Name: "admin", Password: "root pass"},
		{Name: "dev", Password: "dev:pass", Access: []server.Access{
			{Repository: "team/**", May: server.MayPull | server.MayPush},
			{Repository: "base/*", May: server.MayPull},
		}},
	},
	Anonymous: []server.Access{{Repository: "public/**", May: server.MayPull}},
}

// client is a Client with a name and a password.
func Client(name, password string) *registry.Client {
	return registry.NewClient(registry.ClientOptions{
		AuthFile:   "/nonexistent/auth.json",
		Credential: registry.Credential{Username: name, Password: password},
		Retry:      registry.RetryOptions{Attempts: 1},
	})
}

func Anonymous() *registry.Client {
	return registry.NewClient(registry.ClientOptions{
		AuthFile: "/nonexistent/auth.json", Retry: registry.RetryOptions{Attempts: 1},
	})
}

// modes runs a test with both ways to log in.
func Modes(t *testing.T, test func(t *testing.T, reg *server.Serving)) {
	for name, bearer := range map[string]bool{"basic": false, "bearer": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			setup := Serve(t, server.Options{Dir: dir})
			for _, repo := range []string{"team/app", "base/os", "base/a/b", "public/tool", "private/x"} {
				PushImage(t, Dial(t, setup.Addr), repo, "1", "layer of "+repo)
			}
			auth := Team
			auth.Bearer = bearer
			test(t, Serve(t, server.Options{Dir: dir, Auth: auth}))
		})
	}
}

// pushIndex pushes an index with an image for each architecture.
func PushIndex(t testing.TB, c ociregistry.Interface, repo, tag string, architectures ...string) ociregistry.Descriptor {
	t.Helper()
	index := ocispec.Index{MediaType: ocispec.MediaTypeImageIndex}
	index.SchemaVersion = 2
	for _, arch := range architectures {
		m := ImageManifest(PushBlob(t, c, repo, fmt.Sprintf(`{"architecture":%q}`, arch)), PushBlob(t, c, repo, "layer for "+arch))
		desc := PushManifest(t, c, repo, "", m.MediaType, m)
		desc.Platform = &ocispec.Platform{OS: "linux", Architecture: arch}
		index.Manifests = append(index.Manifests, desc)
	}
	return PushManifest(t, c, repo, tag, index.MediaType, index)
}

// Home gives the test a home of its own, and no credentials but its own.
func Home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, value := range map[string]string{
		"HOME": dir, "USERPROFILE": dir, "XDG_RUNTIME_DIR": filepath.Join(dir, "run"), "XDG_CONFIG_HOME": filepath.Join(dir, "config"),
		"REGISTRY_AUTH_FILE": "", "DOCKER_CONFIG": "", "PATH": filepath.Join(dir, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"),
	} {
		t.Setenv(name, value)
	}
	return dir
}
