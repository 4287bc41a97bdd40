package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/registry/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLoginAndOut(t *testing.T) {
	t.Setenv("REGISTRY_AUTH_FILE", filepath.Join(t.TempDir(), "auth.json"))
	reg, err := server.Serve(server.Options{Auth: server.Auth{
		Users: []server.User{{Name: "ann", Password: "secret", Access: []server.Access{{Repository: "**", May: server.MayAll}}}},
	}}, server.ServeOptions{})
	require.NoError(t, err)
	defer reg.Close()
	cli := func(stdin string, args ...string) (int, string) {
		var out bytes.Buffer
		code := run(context.Background(), args, strings.NewReader(stdin), &out, &out)
		return code, out.String()
	}
	code, out := cli("wrong\n", "login", "-u", "ann", "--password-stdin", reg.Addr)
	assert.Equal(t, 1, code, out)
	code, out = cli("", "search", "tags", reg.Addr+"/team/app")
	assert.Equal(t, 1, code, out)
	code, out = cli("secret\n", "login", "-u", "ann", "--password-stdin", reg.Addr)
	assert.Equal(t, 0, code, out)
	assert.Equal(t, "Login Succeeded\n", out)
	code, out = cli("", "search", "tags", reg.Addr+"/team/app")
	assert.Equal(t, 1, code)
	assert.Contains(t, out, "team/app", "it may look, and there is no such repository")
	assert.NotContains(t, out, "unauthorized")
	code, out = cli("", "logout", reg.Addr)
	assert.Equal(t, 0, code, out)
	code, _ = cli("", "login", reg.Addr)
	assert.Equal(t, codeEngine, code, "no account is named")
}
