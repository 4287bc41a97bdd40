//go:build linux

package image_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/server"
)

// TestStoredCredentials: a pull logs in with what podman login, docker login and registry.Client.Login have left, wherever
// that is, and a push too.
func TestStoredCredentials(t *testing.T) {
	t.Parallel()
	reg := serve(t, server.Options{Auth: server.Auth{Users: []server.User{{Name: "joe", Password: "right"}}}}, server.ServeOptions{})
	s := open(t)
	pushed := layerTar(t, nil)
	_, err := s.Import(t.Context(), strings.NewReader(string(pushed)), image.ImportOptions{Tags: []string{"app:1"}})
	require.NoError(t, err)
	_, err = s.Push(t.Context(), "app:1", image.PushOptions{Destination: reg.Addr + "/app:1", Credential: registry.Credential{Username: "joe", Password: "right"}})
	require.NoError(t, err)

	dir := t.TempDir()
	helper := "#!/bin/sh\nread -r server\nprintf '{\"ServerURL\":\"%s\",\"Username\":\"joe\",\"Secret\":\"right\"}\\n' \"$server\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(helper), 0o755))
	path := "PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH")
	login := func(name string) string {
		file := filepath.Join(dir, name)
		c := registry.NewClient(registry.ClientOptions{AuthFile: file})
		defer c.Close()
		_, err := c.Login(t.Context(), reg.Addr, registry.LoginOptions{Username: "joe", Password: strings.NewReader("right")})
		require.NoError(t, err)
		return file
	}
	auths := func(password string) string {
		return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, reg.Addr, base64.StdEncoding.EncodeToString([]byte("joe:"+password)))
	}
	const docker = "../../.docker/config.json"
	mirror := fmt.Sprintf("[[registry]]\nprefix = \"registry.invalid\"\nlocation = \"registry.invalid\"\n[[registry.mirror]]\nlocation = %q\ninsecure = true\n", reg.Addr)
	moved := fmt.Sprintf("[[registry]]\nprefix = \"registry.invalid\"\nlocation = %q\ninsecure = true\n", reg.Addr)
	for name, c := range map[string]struct {
		config map[string]string
		env    []string
		at     string // another registry's name
		want   string
	}{
		"none":                     {want: "unauthorized"},
		"auth.json":                {config: map[string]string{"auth.json": auths("right")}, want: "ok"},
		"auth.json with the wrong": {config: map[string]string{"auth.json": auths("wrong")}, want: "unauthorized"},
		"broken auth.json":         {config: map[string]string{"auth.json": "{"}, want: "unauthorized"},
		"XDG_RUNTIME_DIR":          {env: []string{"XDG_RUNTIME_DIR=" + filepath.Dir(filepath.Dir(login("run/containers/auth.json")))}, want: "ok"},
		"REGISTRY_AUTH_FILE":       {env: []string{"REGISTRY_AUTH_FILE=" + login("mine.json")}, want: "ok"},
		"docker":                   {config: map[string]string{docker: auths("right")}, want: "ok"},
		"DOCKER_CONFIG":            {env: []string{"DOCKER_CONFIG=" + filepath.Dir(login("docker/config.json"))}, want: "ok"},
		"credHelpers":              {config: map[string]string{docker: fmt.Sprintf(`{"credHelpers":{%q:"test"}}`, reg.Addr)}, env: []string{path}, want: "ok"},
		"credsStore":               {config: map[string]string{docker: `{"credsStore":"test"}`}, env: []string{path}, want: "ok"},
		"no such helper":           {config: map[string]string{docker: `{"credsStore":"nonexistent"}`}, want: "unauthorized"},
		"of a mirror":              {config: map[string]string{"registries.conf": mirror}, env: []string{"REGISTRY_AUTH_FILE=" + login("mirror.json")}, at: "registry.invalid", want: "ok"},
		"of where it is":           {config: map[string]string{"registries.conf": moved, docker: auths("right")}, at: "registry.invalid", want: "ok"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := reg.Addr + "/app:1"
			if c.at != "" {
				ref = c.at + "/app:1"
			}
			env := append([]string{"REGISTRY_AUTH_FILE=", "DOCKER_CONFIG=", "XDG_RUNTIME_DIR=", "CAISSON_TEST_PUSH=" + reg.Addr + "/pushed:1"}, c.env...)
			out := pullIn(t, env, c.config, ref)
			require.Contains(t, out, ref+" -> "+c.want+"\n")
			if c.want == "ok" {
				require.Contains(t, out, "pushed: <nil>\n")
			}
			require.NotContains(t, out, "right")
		})
	}
}
