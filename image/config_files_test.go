//go:build linux

package image_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// pullAll pulls what CAISSON_TEST_REF has, and prints for each what came of it. It is for a process of its own: an agent
// has the environment of the process that started it.
func pullAll(store *image.Store) error {
	for _, ref := range strings.Fields(os.Getenv("CAISSON_TEST_REF")) {
		_, err := store.Pull(context.Background(), ref, image.PullOptions{})
		kind := "ok"
		for name, sentinel := range map[string]error{"policy": image.ErrPolicy, "unreachable": image.ErrUnreachable, "not found": image.ErrNotFound, "invalid": image.ErrInvalidArgument, "unauthorized": image.ErrUnauthorized} {
			if errors.Is(err, sentinel) {
				kind = name
			}
		}
		if err != nil && kind == "ok" {
			return err
		}
		fmt.Println(ref, "->", kind)
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		if to := os.Getenv("CAISSON_TEST_PUSH"); to != "" {
			_, err = store.Push(context.Background(), ref, image.PushOptions{Destination: to})
			fmt.Println("pushed:", err)
			fmt.Println("saved:", store.Save(context.Background(), io.Discard, []string{ref}, image.SaveOptions{}))
		}
	}
	return store.Destroy(context.Background())
}

// pullWith runs pullAll with configuration files in a home of its own.
func pullWith(t *testing.T, config map[string]string, refs ...string) string {
	t.Helper()
	return pullIn(t, nil, config, refs...)
}

// pullIn is pullWith with more environment.
func pullIn(t *testing.T, env []string, config map[string]string, refs ...string) string {
	t.Helper()
	cmd := pullCommand(t, config, refs...)
	cmd.Env = append(cmd.Env, env...)
	return pulled(t, cmd)
}

func pullCommand(t *testing.T, config map[string]string, refs ...string) *exec.Cmd {
	t.Helper()
	home := t.TempDir()
	for name, text := range config {
		path := filepath.Join(home, ".config", "containers", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"), envChild+"=pull-all",
		"CAISSON_TEST_ROOT="+filepath.Join(home, "store"), "CAISSON_TEST_REF="+strings.Join(refs, " "))
	return cmd
}

func pulled(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, _ := cmd.CombinedOutput() // it ends with 9, like all children
	require.Contains(t, string(out), "child: <nil>")
	return string(out)
}

// TestConfigFiles: the user's policy.json and registries.conf count.
func TestConfigFiles(t *testing.T) {
	t.Parallel()
	plain := serve(t, server.Options{}, server.ServeOptions{})
	secure, err := plain.Server.Serve(server.ServeOptions{TLS: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, secure.Close()) })
	s := open(t)
	_, err = build(t, s, "FROM scratch\nCOPY f /f\n", image.BuildOptions{Tags: []string{"app:1"}}, map[string]string{"f": "x"})
	require.NoError(t, err)
	for _, to := range []string{"/app:1", "/bad/app:1", "/library/short:1"} {
		_, err = s.Push(t.Context(), "app:1", image.PushOptions{Destination: plain.Addr + to})
		require.NoError(t, err)
	}
	mirror := func(prefix, location string) string {
		return fmt.Sprintf("[[registry]]\nprefix = %q\nlocation = %q\n[[registry.mirror]]\nlocation = %q\ninsecure = true\n", prefix, prefix, location)
	}
	policy := func(scope, requirement string) string {
		return `{"default":[{"type":"insecureAcceptAnything"}],"transports":{"docker":{"` + scope + `":[` + requirement + `]}}}`
	}

	t.Run("reject", func(t *testing.T) {
		out := pullWith(t, map[string]string{"policy.json": policy(plain.Addr+"/bad", `{"type":"reject"}`)}, plain.Addr+"/bad/app:1", plain.Addr+"/app:1")
		require.Contains(t, out, "/bad/app:1 -> policy\n")
		require.Contains(t, out, plain.Addr+"/app:1 -> ok\n")
	})
	t.Run("signed by nobody", func(t *testing.T) {
		key := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(key, []byte("no key"), 0o600))
		out := pullWith(t, map[string]string{"policy.json": policy(plain.Addr, `{"type":"signedBy","keyType":"GPGKeys","keyPath":"`+key+`"}`)}, plain.Addr+"/app:1")
		require.Contains(t, out, "-> policy\n")
	})
	t.Run("mirror", func(t *testing.T) {
		out := pullWith(t, map[string]string{"registries.conf": mirror("registry.invalid", plain.Addr) + mirror("docker.io", plain.Addr)}, "registry.invalid/app:1", "registry.invalid/none:1", "short:1")
		require.Contains(t, out, "registry.invalid/app:1 -> ok\n")
		require.NotContains(t, out, "registry.invalid/none:1 -> ok\n")
		require.Contains(t, out, "\nshort:1 -> ok\n", "a short name is docker.io's, which has a mirror")
	})
	t.Run("blocked", func(t *testing.T) {
		conf := fmt.Sprintf("[[registry]]\nlocation = %q\nblocked = true\n", plain.Addr)
		out := pullWith(t, map[string]string{"registries.conf": conf}, plain.Addr+"/app:1")
		require.Contains(t, out, "-> policy\n")
	})
}

// compressible is text that is smaller at each level: numbers that repeat at a distance.
func compressible() string {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "%d ", i*i%1777+i%13)
	}
	return b.String()
}

// TestPushCompression: layers are in the registry as asked for, and come back as they were.
func TestPushCompression(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := serve(t, server.Options{}, server.ServeOptions{})
	s := open(t)
	built, err := build(t, s, "FROM scratch\nCOPY f /f\n", image.BuildOptions{Tags: []string{"app:1"}}, map[string]string{"f": compressible()})
	require.NoError(t, err)
	c := registry.NewClient(registry.ClientOptions{})
	defer c.Close()
	for _, how := range []string{"", "zstd", "gzip", "zstd:chunked"} { // one after the other: the registry's other layers must not be taken instead
		want := "zstd"
		if !strings.HasPrefix(how, want) {
			want = "gzip"
		}
		ref := reg.Addr + "/app:" + strings.ReplaceAll("tag-"+how, ":", "-")
		_, err := s.Push(t.Context(), "app:1", image.PushOptions{Destination: ref, Compression: how})
		require.NoError(t, err, how)
		m, err := c.Manifest(t.Context(), ref, registry.ManifestOptions{})
		require.NoError(t, err, how)
		require.Len(t, m.Layers, 1)
		require.Contains(t, m.Layers[0].MediaType, want, how)
		require.Less(t, m.Layers[0].Size, int64(50000), how)
		_, chunked := m.Layers[0].Annotations["io.github.containers.zstd-chunked.manifest-checksum"]
		require.Equal(t, how == "zstd:chunked", chunked, how)
		other := open(t)
		img, err := other.Pull(t.Context(), ref, image.PullOptions{})
		require.NoError(t, err, how)
		require.Equal(t, built.Layers, img.Layers, how)
	}
	// The level counts, and is 3 where none is given.
	sizes := map[int]int64{}
	for _, level := range []int{0, 3, 1, 9} {
		fresh := serve(t, server.Options{}, server.ServeOptions{})
		_, err := s.Push(t.Context(), "app:1", image.PushOptions{Destination: fresh.Addr + "/app:1", Level: level})
		require.NoError(t, err)
		sizes[level] = manifestOf(t, fresh.Addr+"/app:1").Layers[0].Size
	}
	require.Equal(t, sizes[3], sizes[0])
	require.Less(t, sizes[3], sizes[1])
	require.Less(t, sizes[9], sizes[3])
	for field, opts := range map[string]image.PushOptions{"compression": {Compression: "lzma"}, "level": {Level: 10}} {
		_, err := s.Push(t.Context(), "app:1", opts)
		require.ErrorIs(t, err, image.ErrInvalidArgument)
		require.ErrorContains(t, err, field)
	}
}
