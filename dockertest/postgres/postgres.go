// Package postgres runs PostgreSQL for tests.
//
//	pg := postgres.Run(t, postgres.Options{Init: os.DirFS("migrations")})
//	db := pg.SQL(t, "pgx") // a *sql.DB, of a driver that the test imports
//
// It relies on what the official image postgres documents: the variables POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB,
// scripts in /docker-entrypoint-initdb.d, the entrypoint docker-entrypoint.sh, psql on the PATH, and that the server which sets
// the database up does not listen on TCP. Images derived from it, such as postgis/postgis and pgvector/pgvector, do too.
//
// All options of package dockertest are options here as well: a network with an alias, Reuse, Resources.
package postgres

import (
	"context"
	"database/sql"
	"io/fs"
	"maps"
	"net/url"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/internal/typed"
)

// Image is the default image.
const Image = "postgres:17"

// Port is where the server listens.
const Port = 5432

// Options of a server. The zero value is a server with one database.
type Options struct {
	// Image is Image or one with the same contract. Default: Image.
	Image string
	// User is the superuser. Default: postgres.
	User string
	// Password of User. Default: postgres.
	Password string
	// Database that is made. Default: the name of User.
	Database string
	// Init has *.sql, *.sql.gz and *.sh files, which are run once, in the order of their names, before the server is ready.
	// Default: none.
	Init fs.FS
	// Config has parameters of the server, such as max_connections. Default: fsync, synchronous_commit and full_page_writes
	// are off, because a test's data need not survive the machine. For the same reason the set-up does not sync
	// (POSTGRES_INITDB_ARGS).
	Config map[string]string
	// TLS has the server speak TLS too, with a certificate for this machine and for Names. URL demands it then.
	TLS bool
	// Names by which other containers reach the server, for its certificate. Default: none.
	Names []string
}

// Server is a running server. The methods of the container that it is made of do for it what they do for any.
type Server struct {
	*dockertest.Container
	opts Options
}

// Run starts a server, waits until it answers a query, and removes it when the test is over. The wait may take 3 minutes.
func Run(t testing.TB, o Options, opts ...dockertest.Option) *Server {
	t.Helper()
	o = o.defaults()
	return Of(dockertest.Run(t, o.Image, typed.With(o.Option(), opts)...), o)
}

// Start is Run for TestMain: Of(f.For(t), o) is the server in a test.
//
// Errors: those of dockertest.Start.
func Start(ctx context.Context, o Options, opts ...dockertest.Option) (*dockertest.Fixture, error) {
	o = o.defaults()
	return dockertest.Start(ctx, o.Image, typed.With(o.Option(), opts)...)
}

// Of is the server in a container that was started with the Option of the same options, in whatever way.
func Of(c *dockertest.Container, o Options) *Server { return &Server{c, o.defaults()} }

func (o Options) defaults() Options {
	def := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	def(&o.Image, Image)
	def(&o.User, "postgres")
	def(&o.Password, "postgres")
	def(&o.Database, o.User)
	return o
}

// Where the certificate is put, and where the server reads it: it wants a key that nobody else may read.
const certDir, ownCertDir = "/etc/caisson-tls", "/tmp/caisson-tls"

// ownCert gives the server's user the certificate, whoever that is, and goes on with the image's entrypoint.
const ownCert = `set -e
mkdir -p ` + ownCertDir + `
cp ` + certDir + `/server.pem ` + certDir + `/server.key ` + ownCertDir + `
chmod 700 ` + ownCertDir + `
chmod 600 ` + ownCertDir + `/server.key
if [ "$(id -u)" = 0 ]; then chown -R postgres ` + ownCertDir + `; fi
exec docker-entrypoint.sh "$@"`

// Option is what makes a container of Image such a server, with the Wait for it.
func (o Options) Option() dockertest.Option {
	o = o.defaults()
	config := map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
	list := []dockertest.Option{
		dockertest.Env("POSTGRES_INITDB_ARGS", "--no-sync"), // seconds, on many disks
		dockertest.Env("POSTGRES_USER", o.User), dockertest.Env("POSTGRES_PASSWORD", o.Password), dockertest.Env("POSTGRES_DB", o.Database),
		dockertest.Port(Port),
		typed.Command("a query of database "+o.Database, Port, "psql", "-XAtc", "select 1", o.url("127.0.0.1:5432", o.Database, nil)).Within(typed.SetUp),
	}
	if o.Init != nil {
		list = append(list, dockertest.Files("/docker-entrypoint-initdb.d", o.Init))
	}
	if o.TLS {
		cert, err := typed.Cert(o.Names)
		if err != nil {
			return dockertest.Invalid(err)
		}
		config["ssl"], config["ssl_cert_file"], config["ssl_key_file"] = "on", ownCertDir+"/server.pem", ownCertDir+"/server.key"
		list = append(list, dockertest.Entrypoint("sh", "-c", ownCert, "sh"), dockertest.Files(certDir, fstest.MapFS{
			"server.pem": {Data: cert.Cert, Mode: 0o644}, "server.key": {Data: cert.Key, Mode: 0o644},
		}))
	}
	maps.Copy(config, o.Config)
	cmd := []string{"postgres"}
	for _, name := range slices.Sorted(maps.Keys(config)) {
		cmd = append(cmd, "-c", name+"="+config[name])
	}
	return dockertest.Options(append(list, dockertest.Cmd(cmd...))...)
}

// URL is where this machine reaches the database: postgres://postgres:postgres@127.0.0.1:49153/postgres?sslmode=disable. The
// drivers pgx and pq take it as the data source name.
func (s *Server) URL() string { return s.DatabaseURL(s.opts.Database) }

// DatabaseURL is URL for another database of the server.
func (s *Server) DatabaseURL(database string) string {
	query := url.Values{"sslmode": {"disable"}}
	if s.opts.TLS {
		query = url.Values{"sslmode": {"verify-full"}}
		if cert, err := typed.Cert(s.opts.Names); err == nil { // it was there when the server began
			query.Set("sslrootcert", cert.CAFile)
		}
	}
	return s.opts.url(s.Addr(Port), database, query)
}

// URLAt is where other containers reach the database, at a name of the server's on their network: URLAt("db").
func (s *Server) URLAt(host string) string {
	return s.opts.url(host+":5432", s.opts.Database, url.Values{"sslmode": {"prefer"}})
}

func (o Options) url(addr, database string, query url.Values) string {
	u := url.URL{Scheme: "postgres", User: url.UserPassword(o.User, o.Password), Host: addr, Path: "/" + database, RawQuery: query.Encode()}
	return u.String()
}

// SQL opens the database with a driver that the test's imports have registered, such as pgx or postgres, and closes it with
// the test.
func (s *Server) SQL(t testing.TB, driver string) *sql.DB {
	t.Helper()
	return typed.SQL(t, driver, s.URL())
}

// Query runs SQL by psql in the container, and returns the rows without a header: columns are separated by "|". It is for a
// word of set-up or of a look; SQL is for all else.
func (s *Server) Query(sql string) string {
	return s.Exec("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, s.opts.url("127.0.0.1:5432", s.opts.Database, nil))
}
