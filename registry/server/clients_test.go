package server_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pushRealImage pushes an image that an engine can unpack.
func pushRealImage(t *testing.T, c ociregistry.Interface, repo, tag, content string) ociregistry.Descriptor {
	t.Helper()
	var plain, packed bytes.Buffer
	w := tar.NewWriter(&plain)
	require.NoError(t, w.WriteHeader(&tar.Header{Name: "hello", Mode: 0o644, Size: int64(len(content))}))
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	z := gzip.NewWriter(&packed)
	_, err = z.Write(plain.Bytes())
	require.NoError(t, err)
	require.NoError(t, z.Close())

	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[%q]}}`,
		digest.FromBytes(plain.Bytes()))
	layer := registrytest.PushBlob(t, c, repo, packed.String())
	layer.MediaType = ocispec.MediaTypeImageLayerGzip
	m := registrytest.ImageManifest(registrytest.PushBlob(t, c, repo, config), layer)
	return registrytest.PushManifest(t, c, repo, tag, m.MediaType, m)
}

// command runs a program of the system, and skips the test when it is not installed.
func command(t *testing.T, stdin, name string, args ...string) (string, error) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed: apt-get install %s", name, name)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func must(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	out, err := command(t, stdin, name, args...)
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return out
}

// TestSkopeo logs in, lists, inspects, copies and deletes with skopeo, and uses skopeo's login with our client.
func TestSkopeo(t *testing.T) {
	registrytest.Modes(t, func(t *testing.T, reg *server.Serving) {
		setup := registrytest.Serve(t, server.Options{})
		desc := pushRealImage(t, registrytest.Dial(t, setup.Addr), "app", "1", "hello")
		registrytest.Home(t)
		file := filepath.Join(t.TempDir(), "auth.json")
		_, err := command(t, "wrong", "skopeo", "login", "--authfile", file, "--tls-verify=false", "-u", "dev", "--password-stdin", reg.Addr)
		require.Error(t, err)
		must(t, "dev:pass", "skopeo", "login", "--authfile", file, "--tls-verify=false", "-u", "dev", "--password-stdin", reg.Addr)

		here := "docker://" + reg.Addr + "/team/new:1"
		must(t, "", "skopeo", "--insecure-policy", "copy", "--authfile", file, "--src-tls-verify=false", "--dest-tls-verify=false",
			"docker://"+setup.Addr+"/app:1", here)
		assert.Contains(t, must(t, "", "skopeo", "list-tags", "--authfile", file, "--tls-verify=false", "docker://"+reg.Addr+"/team/new"), `"1"`)
		assert.Contains(t, must(t, "", "skopeo", "inspect", "--authfile", file, "--tls-verify=false", here), desc.Digest.String())
		_, err = command(t, "", "skopeo", "delete", "--authfile", file, "--tls-verify=false", here)
		require.Error(t, err, "dev may not delete")

		c := registry.NewClient(registry.ClientOptions{AuthFile: file})
		got, err := c.Resolve(context.Background(), reg.Addr+"/team/new:1")
		require.NoError(t, err, "what skopeo stored, we read")
		assert.Equal(t, desc.Digest.String(), got.Digest)

		file = filepath.Join(t.TempDir(), "auth.json")
		c = registry.NewClient(registry.ClientOptions{AuthFile: file})
		_, err = c.Login(context.Background(), reg.Addr, registry.LoginOptions{Username: "admin", Password: strings.NewReader("root pass")})
		require.NoError(t, err)
		must(t, "", "skopeo", "delete", "--authfile", file, "--tls-verify=false", here)
		found, err := c.Exists(context.Background(), reg.Addr+"/team/new:1")
		require.NoError(t, err)
		assert.False(t, found, "what we stored, skopeo read")
	})
}

// TestPodman pulls and pushes with podman.
func TestPodman(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: podman is given a store of its own")
	}
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		pushRealImage(t, registrytest.Dial(t, reg.Addr), "app", "1", "hello podman")
		dir := t.TempDir()
		podman := func(args ...string) string {
			return must(t, "", "podman", append([]string{
				"--root", filepath.Join(dir, "root"), "--runroot", filepath.Join(dir, "run"), "--storage-driver", "vfs",
			}, args...)...)
		}
		podman("pull", "--tls-verify=false", reg.Addr+"/app:1")
		podman("tag", reg.Addr+"/app:1", reg.Addr+"/copy:2")
		podman("push", "--tls-verify=false", reg.Addr+"/copy:2")
		podman("rmi", "-a", "-f")
		podman("pull", "--tls-verify=false", reg.Addr+"/copy:2")
		assert.Contains(t, podman("images", "--format", "{{.Repository}}:{{.Tag}}"), reg.Addr+"/copy:2")
	})
}
