package registry_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/caisson-dev/caisson/registry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
}

func auths(key, user, password string) string {
	return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, key, base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

func TestLoginAndLogout(t *testing.T) {
	registrytest.Modes(t, func(t *testing.T, reg *server.Serving) {
		dir := registrytest.Home(t)
		ctx := context.Background()
		file := filepath.Join(dir, "run", "containers", "auth.json")
		write(t, file, `{"auths":{"other.test":{"auth":"YTpi","unknown":1}},"mine":[true]}`, 0o644)
		c := registry.NewClient(registry.ClientOptions{Retry: registry.RetryOptions{Attempts: 1}})

		_, err := c.Login(ctx, reg.Addr, registry.LoginOptions{Username: "dev", Password: strings.NewReader("wrong\n")})
		require.ErrorIs(t, err, registry.ErrUnauthorized)
		assert.NotContains(t, err.Error(), "wrong")
		assert.Equal(t, 1, strings.Count(err.Error(), "401 Unauthorized"), err)
		_, err = listTags(ctx, c, reg.Addr+"/team/app")
		require.ErrorIs(t, err, registry.ErrUnauthorized)

		result, err := c.Login(ctx, reg.Addr, registry.LoginOptions{Username: "dev", Password: strings.NewReader("dev:pass\n")})
		require.NoError(t, err)
		assert.Equal(t, registry.LoginResult{Registry: reg.Addr, Stored: file}, result)
		info, err := os.Stat(file)
		require.NoError(t, err)
		if runtime.GOOS != "windows" {
			assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		}
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var kept map[string]any
		require.NoError(t, json.Unmarshal(data, &kept))
		assert.Equal(t, []any{true}, kept["mine"], "what is not ours stays")
		assert.Equal(t, map[string]any{"auth": "YTpi", "unknown": 1.0}, kept["auths"].(map[string]any)["other.test"])

		tags, err := listTags(ctx, c, reg.Addr+"/team/app")
		require.NoError(t, err)
		assert.Equal(t, []string{"1"}, tags)

		require.NoError(t, c.Logout(ctx, reg.Addr))
		_, err = listTags(ctx, c, reg.Addr+"/team/app")
		require.ErrorIs(t, err, registry.ErrUnauthorized)
		require.ErrorIs(t, c.Logout(ctx, reg.Addr), registry.ErrNotLoggedIn)
	})
}

func TestLoginsAtTheSameTime(t *testing.T) {
	file := filepath.Join(t.TempDir(), "auth.json")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			c := registry.NewClient(registry.ClientOptions{AuthFile: file})
			_, err := c.Login(context.Background(), fmt.Sprintf("r%d.test", i), registry.LoginOptions{
				Username: "me", Password: strings.NewReader("pw"), SkipVerify: true,
			})
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	for i := range 20 {
		cred, err := registry.NewClient(registry.ClientOptions{AuthFile: file}).Credentials(context.Background(), fmt.Sprintf("r%d.test", i))
		require.NoError(t, err)
		assert.Equal(t, "pw", cred.Password)
	}
}

func TestBadLogins(t *testing.T) {
	registrytest.Home(t)
	c := registry.NewClient(registry.ClientOptions{})
	for name, test := range map[string]struct {
		registry string
		o        registry.LoginOptions
		want     error
	}{
		"no password":    {"r.test", registry.LoginOptions{Username: "me"}, registry.ErrInvalidArgument},
		"empty password": {"r.test", registry.LoginOptions{Username: "me", Password: strings.NewReader("\n")}, registry.ErrInvalidArgument},
		"no name":        {"r.test", registry.LoginOptions{Password: strings.NewReader("pw")}, registry.ErrInvalidArgument},
		"colon":          {"r.test", registry.LoginOptions{Username: "a:b", Password: strings.NewReader("pw")}, registry.ErrInvalidArgument},
		"registry":       {"not a host", registry.LoginOptions{Username: "me", Password: strings.NewReader("pw")}, registry.ErrInvalidReference},
		"long password":  {"r.test", registry.LoginOptions{Username: "me", Password: strings.NewReader(strings.Repeat("x", 70_000))}, registry.ErrInvalidArgument},
	} {
		_, err := c.Login(context.Background(), test.registry, test.o)
		require.ErrorIs(t, err, test.want, name)
	}
}

func TestCredentialsOrder(t *testing.T) {
	dir := registrytest.Home(t)
	ctx := context.Background()
	places := []struct{ name, path string }{
		{"docker", filepath.Join(dir, ".docker", "config.json")},
		{"config", filepath.Join(dir, "config", "containers", "auth.json")},
		{"runtime", filepath.Join(dir, "run", "containers", "auth.json")},
		{"variable", filepath.Join(dir, "variable.json")},
		{"option", filepath.Join(dir, "option.json")},
	}
	for _, place := range places { // from the last to be asked to the first
		write(t, place.path, auths("r.test", place.name, "pw"), 0o600)
		var o registry.ClientOptions
		switch place.name {
		case "variable":
			t.Setenv("REGISTRY_AUTH_FILE", place.path)
		case "option":
			o.AuthFile = place.path
		}
		cred, err := registry.NewClient(o).Credentials(ctx, "r.test")
		require.NoError(t, err)
		assert.Equal(t, registry.Credential{Username: place.name, Password: "pw", Source: place.path}, cred)
	}
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(dir, "absent.json"))
	cred, err := registry.NewClient(registry.ClientOptions{}).Credentials(ctx, "r.test")
	require.NoError(t, err)
	assert.Zero(t, cred, "the variable's file alone counts")

	t.Setenv("REGISTRY_AUTH_FILE", "")
	t.Setenv("DOCKER_CONFIG", filepath.Join(dir, "elsewhere"))
	write(t, filepath.Join(dir, "elsewhere", "config.json"), auths("d.test", "there", "pw"), 0o600)
	cred, err = registry.NewClient(registry.ClientOptions{}).Credentials(ctx, "d.test")
	require.NoError(t, err)
	assert.Equal(t, "there", cred.Username)
}

func TestCredentialKeys(t *testing.T) {
	registrytest.Home(t)
	for _, test := range []struct {
		name, file, ask, want string
	}{
		{"host", auths("r.test", "a", "p"), "r.test/x/y", "a"},
		{"namespace", auths("r.test/x", "a", "p"), "r.test/x/y", "a"},
		{"repository", auths("r.test/x/y", "a", "p"), "r.test/x/y", "a"},
		{"another namespace", auths("r.test/z", "a", "p"), "r.test/x/y", ""},
		{"not by prefix", auths("r.test/x", "a", "p"), "r.test/xyz", ""},
		{"port", auths("r.test:5000", "a", "p"), "r.test:5000", "a"},
		{"another port", auths("r.test:5000", "a", "p"), "r.test", ""},
		{"URL", auths("https://r.test/v2/", "a", "p"), "r.test", "a"},
		{"hub", auths("https://index.docker.io/v1/", "a", "p"), "docker.io", "a"},
		{"hub by default", auths("https://index.docker.io/v1/", "a", "p"), "", "a"},
		{"hub, new key", auths("docker.io", "a", "p"), "index.docker.io", "a"},
		{"identity token", `{"auths":{"r.test":{"auth":"YTo=","identitytoken":"t"}}}`, "r.test", "a"},
		{"plain", `{"auths":{"r.test":{"username":"a","password":"p"}}}`, "r.test", "a"},
		{"empty file", ``, "r.test", ""},
		{"empty entry", `{"auths":{"r.test":{}}}`, "r.test", ""},
	} {
		file := filepath.Join(t.TempDir(), "auth.json")
		write(t, file, test.file, 0o600)
		cred, err := registry.NewClient(registry.ClientOptions{AuthFile: file}).Credentials(context.Background(), test.ask)
		require.NoError(t, err, test.name)
		assert.Equal(t, test.want, cred.Username, test.name)
	}
}

func TestMalformedAuthFiles(t *testing.T) {
	for name, content := range map[string]string{
		"not JSON":   `{"auths":{"r.test":{"auth":"c2VjcmV0OnNlY3JldA==}`,
		"wrong type": `{"auths":{"r.test":"secret"}}`,
		"not base64": `{"auths":{"r.test":{"auth":"secret!"}}}`,
		"no colon":   `{"auths":{"r.test":{"auth":"c2VjcmV0"}}}`,
		"bad helper": `{"credsStore":"../secret"}`,
	} {
		file := filepath.Join(t.TempDir(), "auth.json")
		write(t, file, content, 0o600)
		_, err := registry.NewClient(registry.ClientOptions{AuthFile: file}).Credentials(context.Background(), "r.test")
		require.Error(t, err, name)
		assert.Contains(t, err.Error(), file, name)
		if name != "bad helper" {
			assert.NotContains(t, err.Error(), "secret", name)
		}
	}
}

// helperScript is a credential helper that keeps each credential in a file.
const helperScript = `#!/bin/sh
dir="$(dirname "$0")/../kept"; mkdir -p "$dir"; input="$(cat)"
name() { printf %s "$1" | tr -c 'a-zA-Z0-9.' '_'; }
case "$1" in
store) url="$(printf %s "$input" | sed 's/.*"ServerURL":"\([^"]*\)".*/\1/')"; printf %s "$input" > "$dir/$(name "$url")" ;;
get) cat "$dir/$(name "$input")" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
erase) rm "$dir/$(name "$input")" 2>/dev/null || { echo "credentials not found in native keychain"; exit 1; } ;;
esac`

func TestCredentialHelper(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper of the test is a shell script")
	}
	ctx := context.Background()
	for _, config := range []string{`{"credsStore":"test"}`, `{"credHelpers":{"r.test":"test"}}`} {
		dir := registrytest.Home(t)
		write(t, filepath.Join(dir, "bin", "docker-credential-test"), helperScript, 0o700)
		file := filepath.Join(dir, "auth.json")
		write(t, file, config, 0o600)
		c := registry.NewClient(registry.ClientOptions{AuthFile: file})
		cred, err := c.Credentials(ctx, "r.test")
		require.NoError(t, err)
		assert.Zero(t, cred)

		result, err := c.Login(ctx, "r.test", registry.LoginOptions{Username: "me", Password: strings.NewReader("hush"), SkipVerify: true})
		require.NoError(t, err)
		assert.Equal(t, "docker-credential-test", result.Stored)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.NotContains(t, string(data), base64.StdEncoding.EncodeToString([]byte("me:hush")))

		cred, err = c.Credentials(ctx, "r.test/team/app")
		require.NoError(t, err)
		assert.Equal(t, registry.Credential{Username: "me", Password: "hush", Source: "docker-credential-test"}, cred)
		require.NoError(t, c.Logout(ctx, "r.test"))
		require.ErrorIs(t, c.Logout(ctx, "r.test"), registry.ErrNotLoggedIn)
	}
}

func TestMissingHelper(t *testing.T) {
	registrytest.Home(t)
	file := filepath.Join(t.TempDir(), "auth.json")
	write(t, file, `{"credsStore":"absent",`+auths("r.test", "a", "p")[1:], 0o600)
	cred, err := registry.NewClient(registry.ClientOptions{AuthFile: file}).Credentials(context.Background(), "r.test")
	require.NoError(t, err, "a default helper that is not installed is passed over, as Docker does")
	assert.Equal(t, "a", cred.Username)

	write(t, file, `{"credHelpers":{"r.test":"absent"}}`, 0o600)
	_, err = registry.NewClient(registry.ClientOptions{AuthFile: file}).Credentials(context.Background(), "r.test")
	require.ErrorContains(t, err, "install docker-credential-absent")
}

func TestCredentialIsNotPrinted(t *testing.T) {
	cred := registry.Credential{Username: "me", Password: "hush", IdentityToken: "hush"}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "credential", cred)
	for _, s := range []string{fmt.Sprint(cred), fmt.Sprintf("%+v %#v %s %q", cred, cred, cred, cred), log.String()} {
		assert.NotContains(t, s, "hush")
		assert.Contains(t, s, "me")
	}
}

// TestLogsHaveNoSecrets logs in and pulls, with both logs on, and looks for the password.
func TestLogsHaveNoSecrets(t *testing.T) {
	registrytest.Home(t)
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&lockedWriter{w: &log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	auth := registrytest.Team
	auth.Bearer = true
	reg := registrytest.Serve(t, server.Options{Auth: auth, Logger: logger})
	reg.Inject(server.Fault{Status: 503, Times: 1})
	c := registry.NewClient(registry.ClientOptions{Logger: logger, Retry: registry.RetryOptions{Delay: 1}})
	_, err := c.Login(context.Background(), reg.Addr, registry.LoginOptions{Username: "dev", Password: strings.NewReader("dev:pass")})
	require.NoError(t, err)
	_, err = c.Exists(context.Background(), reg.Addr+"/team/app:1")
	require.NoError(t, err)
	assert.Contains(t, log.String(), `"user":"dev"`)
	assert.Contains(t, log.String(), "trying again")
	for _, secret := range []string{"dev:pass", base64.StdEncoding.EncodeToString([]byte("dev:dev:pass")), "Bearer ey"} {
		assert.NotContains(t, log.String(), secret)
	}
}

type lockedWriter struct {
	mu sync.Mutex
	w  *bytes.Buffer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.w.Write(p)
}
