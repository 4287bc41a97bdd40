//go:build linux

package dockertest_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	testservers "github.com/caisson-dev/caisson/internal/testenv/servers"
)

// servers is an image with PostgreSQL and Redis as this machine has them installed.
func servers(t testing.TB) string {
	t.Helper()
	testenv.ManyIDs(t)
	dir := t.TempDir()
	err := errors.Join(testservers.PostgreSQL(dir), testservers.Redis(dir))
	if errors.Is(err, testservers.ErrMissing) {
		testenv.Skip(t, err.Error())
	}
	require.NoError(t, err)
	return dockertest.Build(t, image.BuildOptions{Context: os.DirFS(dir), DockerfileText: testservers.Dockerfile})
}

func postgres(t testing.TB, img string) *dockertest.Container {
	return dockertest.Run(t, img, dockertest.Port(5432), dockertest.All(
		dockertest.WaitPort(5432), dockertest.WaitLog("ready to accept connections")))
}

func TestRealServers(t *testing.T) {
	t.Parallel()
	img := servers(t)
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		pg := postgres(t, img)
		pg.Exec("/opt/postgres/psql", "-U", "postgres", "-c", "create table t (n int); insert into t values (42)")
		pg.Restart()
		assert.Equal(t, "42", pg.Exec("/opt/postgres/psql", "-U", "postgres", "-Atc", "select n from t"))
		conn := dial(t, pg.Addr(5432))
		defer conn.Close()
		_, err := conn.Write([]byte{0, 0, 0, 8, 4, 210, 22, 47}) // SSLRequest of PostgreSQL's protocol
		require.NoError(t, err)
		answer := make([]byte, 1)
		_, err = conn.Read(answer)
		require.NoError(t, err)
		assert.Contains(t, "NS", string(answer))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		nw := dockertest.Network(t)
		redis := dockertest.Run(t, img, nw.Alias("cache"), dockertest.User("redis"), dockertest.Port(6379),
			dockertest.Entrypoint("redis-server", "--protected-mode", "no", "--dir", "/tmp"))
		conn := dial(t, redis.Addr(6379))
		defer conn.Close()
		_, err := fmt.Fprint(conn, "SET greeting hello\r\n")
		require.NoError(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "+OK\r\n", line)
		client := dockertest.Run(t, img, nw, dockertest.Entrypoint("redis-cli", "-h", "cache", "get", "greeting"), dockertest.WaitExit())
		assert.Equal(t, "hello\n", client.Output())
	})
	t.Run("a server that can't start", func(t *testing.T) {
		t.Parallel()
		_, err := dockertest.Start(t.Context(), img, dockertest.User("root"), dockertest.Port(5432),
			dockertest.Entrypoint("/opt/postgres/postgres", "-D", "/data"))
		require.ErrorContains(t, err, "exited with code 1")
		require.ErrorContains(t, err, `"root" execution of the PostgreSQL server is not permitted`)
	})
}

// BenchmarkPostgres is a database from an empty data directory, until it accepts connections.
func BenchmarkPostgres(b *testing.B) {
	img := servers(b)
	for b.Loop() {
		if err := postgres(b, img).Close(); err != nil {
			b.Fatal(err)
		}
	}
}
