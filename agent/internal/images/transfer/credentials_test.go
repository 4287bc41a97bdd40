package transfer_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/transfer"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestLogIn(t *testing.T) {
	dir := t.TempDir()
	for _, env := range []string{"HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "DOCKER_CONFIG"} {
		t.Setenv(env, dir)
	}
	file := filepath.Join(dir, "auth.json")
	t.Setenv("REGISTRY_AUTH_FILE", file)
	write := func(text string) { require.NoError(t, os.WriteFile(file, []byte(text), 0o600)) }
	logIn := func(name string, sc *types.SystemContext) error {
		named, err := images.Normalize(name)
		require.NoError(t, err)
		return transfer.LogIn(t.Context(), sc, named)
	}
	write(`{"auths":{"r.example.com":{"auth":"dXNlcjpwYXNz"},"r.example.com/team":{"auth":"dGVhbTpzZWNyZXQ="}}}`)
	for name, want := range map[string][2]string{
		"r.example.com/app":      {"user", "pass"},
		"r.example.com/team/app": {"team", "secret"},
		"other.example.com/app":  {},
		"app":                    {},
	} {
		var sc types.SystemContext
		require.NoError(t, logIn(name, &sc), name)
		require.NotNil(t, sc.DockerAuthConfig, "upstream must not look by itself")
		assert.Equal(t, want, [2]string{sc.DockerAuthConfig.Username, sc.DockerAuthConfig.Password}, name)
	}

	own := &types.DockerAuthConfig{Username: "own"}
	sc := types.SystemContext{DockerAuthConfig: own}
	require.NoError(t, logIn("r.example.com/app", &sc))
	assert.Same(t, own, sc.DockerAuthConfig, "those of the request come first")

	write(`{"credHelpers":{"r.example.com":"no-such-helper"}}`)
	err := logIn("r.example.com/app", &types.SystemContext{})
	require.ErrorIs(t, err, api.ErrUnauthorized)
	assert.ErrorContains(t, err, "no-such-helper")
}
