//go:build linux

package typed_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/internal/testenv/servers"
)

// TestMain gives the tests a store of their own.
func TestMain(m *testing.M) { os.Exit(inStore(m)) }

func inStore(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "caisson-servers-")
	if err == nil {
		err = os.Setenv(dockertest.EnvRoot, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code = m.Run()
	eng, err := dockertest.Engine()
	if err == nil {
		err = eng.Store().Destroy(context.Background())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "destroy the tests' store:", err)
		return 1
	}
	return code
}

// official is an image of a server of this machine with the contract of the official one.
func official(t testing.TB, name string) string {
	t.Helper()
	testenv.ManyIDs(t)
	dir := t.TempDir()
	dockerfile, err := servers.Official(dir, name)
	if errors.Is(err, servers.ErrMissing) {
		testenv.Skip(t, err.Error())
	}
	require.NoError(t, err)
	return dockertest.Build(t, image.BuildOptions{Context: os.DirFS(dir), DockerfileText: dockerfile})
}

// TestAsOrdinaryUser runs the servers whose users must get their certificates for a user who is not root.
func TestAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	out := testenv.Run(t, testenv.AsUser(t, testenv.UserSubIDs, "-test.v", "-test.short", "-test.run=TestPostgres/TLS|TestRedis/TLS|TestMosquitto/TLS"))
	require.Contains(t, string(out), "\nPASS\n")
}
