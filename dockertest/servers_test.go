//go:build linux

package dockertest_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
)

// envDebian names the root file system that testdata/debian-servers.sh makes.
const envDebian = "CAISSON_TEST_DEBIAN"

// servers is an image with PostgreSQL and Redis as Debian has them.
func servers(t testing.TB) string {
	t.Helper()
	tar := os.Getenv(envDebian)
	if tar == "" {
		t.Skipf("%s is not set: testdata/debian-servers.sh makes what it names, as root, in two minutes", envDebian)
	}
	dir := t.TempDir()
	require.NoError(t, os.Link(tar, filepath.Join(dir, "root.tar")), "have it on the file system of %s", os.TempDir())
	return dockertest.Build(t, image.BuildOptions{Context: os.DirFS(dir), DockerfileText: `FROM scratch
ADD root.tar /
RUN ln -s /usr/lib/postgresql/*/bin /opt/postgres && install -d -o postgres -g postgres /data /run/postgresql
`})
}

// initPostgres is what the official image's entrypoint does.
const initPostgres = `#!/bin/sh
set -e
if [ ! -e /data/PG_VERSION ]; then
	/opt/postgres/initdb --no-sync --auth=trust -D /data
	echo "host all all all trust" >> /data/pg_hba.conf
fi
exec /opt/postgres/postgres -D /data -c listen_addresses='*'
`

func postgres(t testing.TB) *dockertest.Container {
	return dockertest.Run(t, servers(t),
		dockertest.Files("/usr/local/bin", fstest.MapFS{"start": {Data: []byte(initPostgres), Mode: 0o755}}),
		dockertest.Entrypoint("start"), dockertest.User("postgres"), dockertest.Port(5432),
		dockertest.All(dockertest.WaitPort(5432), dockertest.WaitLog("ready to accept connections")))
}

func TestRealServers(t *testing.T) {
	t.Run("postgres", func(t *testing.T) {
		pg := postgres(t)
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
		nw := dockertest.Network(t)
		redis := dockertest.Run(t, servers(t), nw.Alias("cache"), dockertest.User("redis"), dockertest.Port(6379),
			dockertest.Entrypoint("redis-server", "--protected-mode", "no", "--dir", "/tmp"))
		conn := dial(t, redis.Addr(6379))
		defer conn.Close()
		_, err := fmt.Fprint(conn, "SET greeting hello\r\n")
		require.NoError(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "+OK\r\n", line)
		client := dockertest.Run(t, servers(t), nw, dockertest.Entrypoint("sleep", "infinity"))
		assert.Equal(t, "hello", client.Exec("redis-cli", "-h", "cache", "get", "greeting"))
	})
	t.Run("a server that can't start", func(t *testing.T) {
		_, err := dockertest.Start(t.Context(), servers(t), dockertest.Entrypoint("/opt/postgres/postgres", "-D", "/data"), dockertest.Port(5432))
		require.ErrorContains(t, err, "exited with code 1")
		require.ErrorContains(t, err, `"root" execution of the PostgreSQL server is not permitted`)
	})
}

// BenchmarkPostgres is a database from an empty data directory, until it accepts connections.
func BenchmarkPostgres(b *testing.B) {
	servers(b)
	for b.Loop() {
		if err := postgres(b).Close(); err != nil {
			b.Fatal(err)
		}
	}
}
