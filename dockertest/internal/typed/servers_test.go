//go:build linux

package typed_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/etcd"
	"github.com/caisson-dev/caisson/dockertest/internal/typed"
	"github.com/caisson-dev/caisson/dockertest/memcached"
	"github.com/caisson-dev/caisson/dockertest/mosquitto"
	"github.com/caisson-dev/caisson/dockertest/mysql"
	"github.com/caisson-dev/caisson/dockertest/nats"
	"github.com/caisson-dev/caisson/dockertest/postgres"
	"github.com/caisson-dev/caisson/dockertest/redis"
	"github.com/caisson-dev/caisson/dockertest/registry"
	"github.com/caisson-dev/caisson/image"
	reg "github.com/caisson-dev/caisson/registry"
)

// htpasswd lets ann in with the password secret.
const htpasswd = "ann:$2a$04$JlJOKRjLSkbLVjwfahtZv..QVM/r3/C4e3Pvsw568pNdgeDOhmqga"

// talker speaks a protocol of lines.
type talker struct {
	t *testing.T
	net.Conn
	r *bufio.Reader
}

// connect connects to where a URL leads, by TLS with a config.
func connect(t *testing.T, address string, config *tls.Config) *talker {
	t.Helper()
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		address = u.Host
	}
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	if config != nil {
		conn = tls.Client(conn, config)
	}
	t.Cleanup(func() { conn.Close() })
	return &talker{t, conn, bufio.NewReader(conn)}
}

func (c *talker) say(format string, args ...any) {
	c.t.Helper()
	_, err := fmt.Fprintf(c, format, args...)
	require.NoError(c.t, err)
}

// hear returns the next n bytes, or the next line where n is 0.
func (c *talker) hear(n int) string {
	c.t.Helper()
	if n == 0 {
		line, err := c.r.ReadString('\n')
		require.NoError(c.t, err)
		return strings.TrimRight(line, "\r\n")
	}
	b := make([]byte, n)
	_, err := io.ReadFull(c.r, b)
	require.NoError(c.t, err)
	return string(b)
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	img := official(t, "postgres")
	t.Run("zero options", func(t *testing.T) {
		t.Parallel()
		f, err := postgres.Start(t.Context(), postgres.Options{Image: img})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, f.Close()) })
		pg := postgres.Of(f.For(t), postgres.Options{})
		assert.Equal(t, "postgres|postgres|off", pg.Query("select current_user, current_database(), current_setting('fsync')"))
		assert.Equal(t, "postgres://postgres:postgres@"+pg.Addr(postgres.Port)+"/postgres?sslmode=disable", pg.URL())
		assert.Equal(t, "postgres://postgres:postgres@"+pg.Addr(postgres.Port)+"/other?sslmode=disable", pg.DatabaseURL("other"))
	})
	t.Run("users, scripts, configuration, TLS", func(t *testing.T) {
		t.Parallel()
		nw := dockertest.Network(t)
		pg := postgres.Run(t, postgres.Options{
			Image: img, User: "ann", Password: "p@ss/word", Database: "orders",
			Init: fstest.MapFS{
				"1.sql": {Data: []byte("create table t (n int);"), Mode: 0o644},
				"2.sh":  {Data: []byte("psql -c 'insert into t values (42)' \"$POSTGRES_DB\""), Mode: 0o644},
			},
			Config: map[string]string{"max_connections": "17", "fsync": "on"},
			TLS:    true, Names: []string{"db"},
		}, nw.Alias("db"))
		assert.Equal(t, "17|on|off|ann", pg.Query("select current_setting('max_connections'), current_setting('fsync'), current_setting('full_page_writes'), current_user"))
		pg.Restart()
		assert.Equal(t, "42", pg.Query("select n from t"))
		// From another container the password counts.
		client := func(url string) *dockertest.Container {
			return dockertest.Run(t, img, nw, dockertest.Entrypoint("psql", "-XAtc", "select n, ssl from t, pg_stat_ssl where pid = pg_backend_pid()", url), dockertest.WaitExit(0, 2))
		}
		assert.Equal(t, "42|t\n", client(pg.URLAt("db")).Output())
		assert.Contains(t, client(strings.Replace(pg.URLAt("db"), "p%40ss", "wrong", 1)).Output(), "password authentication failed")
		u, err := url.Parse(pg.URL())
		require.NoError(t, err)
		assert.Equal(t, "ann:p%40ss%2Fword", u.User.String())
		assert.Equal(t, "verify-full", u.Query().Get("sslmode"))
		trusted := poolOf(t, u.Query().Get("sslrootcert"))
		for _, name := range []string{"db", "localhost"} {
			conn := connect(t, pg.URL(), nil)
			conn.say("%s", []byte{0, 0, 0, 8, 4, 210, 22, 47}) // SSLRequest of PostgreSQL's protocol
			require.Equal(t, "S", conn.hear(1))
			require.NoError(t, tls.Client(conn.Conn, &tls.Config{RootCAs: trusted, ServerName: name}).Handshake())
		}
	})
}

func TestMySQL(t *testing.T) {
	t.Parallel()
	nw := dockertest.Network(t)
	img := official(t, "mariadb")
	my := mysql.Run(t, mysql.Options{
		Image: img, User: "ann", Password: "p@ss/word", Database: "orders",
		Init: fstest.MapFS{
			"1.sql": {Data: []byte("create table t (n int);"), Mode: 0o644},
			"2.sh":  {Data: []byte("mariadb -uroot \"$MYSQL_DATABASE\" -e 'insert into t values (42)'"), Mode: 0o644},
		},
		Config: map[string]string{"max-connections": "17"},
		TLS:    true, Names: []string{"db"},
	}, nw.Alias("db"))
	assert.Equal(t, "42", my.Query("select n from t"))
	assert.Equal(t, "17\t0", my.Query("select @@max_connections, @@innodb_flush_log_at_trx_commit"))
	my.Restart()
	assert.Equal(t, "42", my.Query("select n from t"))
	addr := my.Addr(mysql.Port)
	assert.Equal(t, "ann:p@ss/word@tcp("+addr+")/orders", my.DSN())
	assert.Equal(t, "mysql://ann:p%40ss%2Fword@"+addr+"/orders", my.URL())
	assert.Equal(t, "mysql://ann:p%40ss%2Fword@db:3306/orders", my.URLAt("db"))
	client := dockertest.Run(t, img, nw, dockertest.WaitExit(), dockertest.Entrypoint("mariadb", "-h", "db", "-uann", "-pp@ss/word",
		"--ssl-verify-server-cert", "--ssl-ca=/ca.pem", "-Ne", "select n, variable_value != '' from t, information_schema.session_status where variable_name = 'ssl_cipher'", "orders"),
		dockertest.HostFile(caFile(t, "db"), "/ca.pem"))
	assert.Equal(t, "42\t1\n", client.Output())
	require.NotNil(t, my.TLSConfig())
	_, err := mysql.Start(t.Context(), mysql.Options{Image: img, User: "root"})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
}

func TestRedis(t *testing.T) {
	t.Parallel()
	img := official(t, "redis")
	t.Run("password and configuration", func(t *testing.T) {
		t.Parallel()
		r := redis.Run(t, redis.Options{Image: img, Password: "se/cret", Config: map[string]string{"maxmemory-policy": "allkeys-lru"}})
		assert.Equal(t, "redis://default:se%2Fcret@"+r.Addr(redis.Port)+"/0", r.URL())
		assert.Nil(t, r.TLSConfig())
		conn := connect(t, r.URL(), nil)
		conn.say("PING\r\n")
		assert.Contains(t, conn.hear(0), "NOAUTH")
		conn.say("AUTH se/cret\r\nSET greeting hello\r\nCONFIG GET maxmemory-policy\r\n")
		assert.Equal(t, "+OK", conn.hear(0))
		assert.Equal(t, "+OK", conn.hear(0))
		assert.Equal(t, "*2\r\n$16\r\nmaxmemory-policy\r\n$11\r\nallkeys-lru\r\n", conn.hear(45))
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		nw := dockertest.Network(t)
		r := redis.Run(t, redis.Options{Image: img, TLS: true, Names: []string{"cache"}}, nw.Alias("cache"))
		assert.Equal(t, "rediss://"+r.Addr(redis.Port)+"/0", r.URL())
		conn := connect(t, r.URL(), r.TLSConfig())
		conn.say("PING\r\n")
		assert.Equal(t, "+PONG", conn.hear(0))
		client := dockertest.Run(t, img, nw, dockertest.WaitExit(),
			dockertest.Entrypoint("redis-cli", "--insecure", "-u", r.URLAt("cache"), "ping"))
		assert.Equal(t, "PONG\n", client.Output())
	})
	t.Run("a directive that is not one", func(t *testing.T) {
		t.Parallel()
		_, err := redis.Start(t.Context(), redis.Options{Image: img, Config: map[string]string{"no-such": "1"}})
		require.ErrorContains(t, err, "Bad directive or wrong number of arguments")
	})
}

func TestMemcached(t *testing.T) {
	t.Parallel()
	m := memcached.Run(t, memcached.Options{Image: official(t, "memcached"), Memory: 16, Args: []string{"-I", "2m"}})
	conn := connect(t, m.Address(), nil)
	conn.say("set greeting 0 0 5\r\nhello\r\nget greeting\r\nstats settings\r\n")
	assert.Equal(t, "STORED", conn.hear(0))
	assert.Equal(t, "VALUE greeting 0 5\r\nhello\r\nEND\r\n", conn.hear(32))
	settings := ""
	for line := ""; line != "END"; settings += line + "\n" {
		line = conn.hear(0)
	}
	assert.Contains(t, settings, "STAT maxbytes 16777216\n")
	assert.Contains(t, settings, "STAT item_size_max 2097152\n")
}

func TestNATS(t *testing.T) {
	t.Parallel()
	img := official(t, "nats")
	t.Run("users and JetStream", func(t *testing.T) {
		t.Parallel()
		n := nats.Run(t, nats.Options{Image: img, JetStream: true, User: "ann", Password: "secret"})
		assert.Equal(t, "nats://ann:secret@"+n.Addr(nats.Port), n.URL())
		conn := connect(t, n.URL(), nil)
		assert.Contains(t, conn.hear(0), `"auth_required":true`)
		conn.say("CONNECT {\"verbose\":false,\"user\":\"ann\",\"pass\":\"secret\"}\r\nSUB greeting 1\r\nPUB greeting 5\r\nhello\r\n")
		assert.Equal(t, "MSG greeting 1 5", conn.hear(0))
		assert.Equal(t, "hello", conn.hear(0))
		stranger := connect(t, n.URL(), nil)
		stranger.hear(0)
		stranger.say("CONNECT {\"verbose\":false}\r\nPING\r\n")
		assert.Equal(t, "-ERR 'Authorization Violation'", stranger.hear(0))
		assert.Contains(t, get(t, http.DefaultClient, n.MonitorURL()+"/jsz"), "/tmp/nats/jetstream")
	})
	t.Run("TLS", func(t *testing.T) {
		t.Parallel()
		n := nats.Run(t, nats.Options{Image: img, TLS: true, Names: []string{"bus"}})
		assert.Equal(t, "tls://"+n.Addr(nats.Port), n.URL())
		conn := connect(t, n.URL(), nil)
		assert.Contains(t, conn.hear(0), `"tls_required":true`)
		secure := &talker{t: t, Conn: tls.Client(conn.Conn, n.TLSConfig())}
		secure.r = bufio.NewReader(secure.Conn)
		secure.say("CONNECT {\"verbose\":true}\r\n")
		assert.Equal(t, "+OK", secure.hear(0))
		assert.Equal(t, "tls://bus:4222", n.URLAt("bus"))
	})
}

func TestMosquitto(t *testing.T) {
	t.Parallel()
	img := official(t, "mosquitto")
	publish := func(t *testing.T, conn *talker) {
		conn.say("\x82\x06\x00\x01\x00\x01a\x00") // SUBSCRIBE to a
		assert.Equal(t, "\x90\x03\x00\x01\x00", conn.hear(5))
		conn.say("\x30\x08\x00\x01ahello") // PUBLISH hello to a
		assert.Equal(t, "\x30\x08\x00\x01ahello", conn.hear(10))
	}
	t.Run("anonymous", func(t *testing.T) {
		t.Parallel()
		m := mosquitto.Run(t, mosquitto.Options{Image: img, Config: "max_connections 7"})
		assert.Equal(t, "mqtt://"+m.Addr(mosquitto.Port), m.URL())
		conn := connect(t, m.URL(), nil)
		conn.say("\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00")
		assert.Equal(t, "\x20\x02\x00\x00", conn.hear(4))
		publish(t, conn)
	})
	t.Run("users and TLS", func(t *testing.T) {
		t.Parallel()
		m := mosquitto.Run(t, mosquitto.Options{Image: img, TLS: true, Users: map[string]string{"bob": "other", "ann": "secret"}})
		assert.Equal(t, "mqtts://ann:secret@"+m.Addr(mosquitto.Port), m.URL())
		stranger := connect(t, m.URL(), m.TLSConfig())
		stranger.say("\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00")
		assert.Equal(t, "\x20\x02\x00\x05", stranger.hear(4), "not authorised")
		conn := connect(t, m.URL(), m.TLSConfig())
		conn.say("\x10\x18\x00\x04MQTT\x04\xc2\x00\x0a\x00\x00\x00\x03bob\x00\x05other")
		assert.Equal(t, "\x20\x02\x00\x00", conn.hear(4))
		publish(t, conn)
	})
	t.Run("a user without a name", func(t *testing.T) {
		t.Parallel()
		_, err := mosquitto.Start(t.Context(), mosquitto.Options{Image: img, Users: map[string]string{"a:b": "x"}})
		require.ErrorIs(t, err, container.ErrInvalidArgument)
		require.ErrorContains(t, err, `"a:b" is not a valid name of a user`)
	})
}

func TestEtcd(t *testing.T) {
	t.Parallel()
	img := official(t, "etcd")
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("TLS ", secure), func(t *testing.T) {
			t.Parallel()
			e := etcd.Run(t, etcd.Options{Image: img, TLS: secure, Args: []string{"--name", "one"}})
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: e.TLSConfig()}}
			defer client.CloseIdleConnections()
			b64 := base64.StdEncoding.EncodeToString
			post := func(path, body string) string {
				resp, err := client.Post(e.URL()+path, "application/json", strings.NewReader(body))
				require.NoError(t, err)
				defer resp.Body.Close()
				b, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				return string(b)
			}
			post("/v3/kv/put", fmt.Sprintf(`{"key": %q, "value": %q}`, b64([]byte("greeting")), b64([]byte("hello"))))
			assert.Contains(t, post("/v3/kv/range", fmt.Sprintf(`{"key": %q}`, b64([]byte("greeting")))), b64([]byte("hello")))
			assert.Equal(t, secure, strings.HasPrefix(e.URLAt("etcd"), "https://etcd:2379"))
		})
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	img := official(t, "registry")
	t.Run("push and delete", func(t *testing.T) {
		t.Parallel()
		r := registry.Run(t, registry.Options{Image: img, Delete: true})
		eng, err := dockertest.Engine()
		require.NoError(t, err)
		digest, err := eng.Store().Push(t.Context(), img, image.PushOptions{Destination: r.Ref("self:1")})
		require.NoError(t, err)
		var catalogue struct{ Repositories []string }
		require.NoError(t, json.Unmarshal([]byte(get(t, http.DefaultClient, r.URL()+"/v2/_catalog")), &catalogue))
		assert.Equal(t, []string{"self"}, catalogue.Repositories)
		require.NoError(t, reg.NewClient(reg.ClientOptions{}).Delete(t.Context(), r.Ref("self@"+digest)))
	})
	t.Run("users and TLS", func(t *testing.T) {
		t.Parallel()
		r := registry.Run(t, registry.Options{Image: img, TLS: true, Htpasswd: htpasswd})
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: r.TLSConfig()}}
		defer client.CloseIdleConnections()
		resp, err := client.Get(r.URL() + "/v2/")
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
		assert.Equal(t, "{}", get(t, client, strings.Replace(r.URL(), "://", "://ann:secret@", 1)+"/v2/"))
	})
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	resp, err := client.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return strings.TrimSpace(string(b))
}

func poolOf(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(b))
	return pool
}

// caFile has the authority of servers with these names.
func caFile(t *testing.T, names ...string) string {
	t.Helper()
	cert, err := typed.Cert(names)
	require.NoError(t, err)
	return cert.CAFile
}
