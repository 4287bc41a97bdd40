// Package mysql runs MySQL or MariaDB for tests.
//
//	my := mysql.Run(t, mysql.Options{Init: os.DirFS("migrations")})
//	db := my.SQL(t, "mysql") // a *sql.DB, of a driver that the test imports
//
// It relies on what the official images mysql and mariadb have in common: the variables MYSQL_ROOT_PASSWORD, MYSQL_DATABASE,
// MYSQL_USER and MYSQL_PASSWORD, scripts in /docker-entrypoint-initdb.d, an entrypoint that takes the server's options as
// arguments, a shell and a client (mariadb or mysql) on the PATH, and that the server which sets the database up does not listen
// on TCP.
//
// All options of package dockertest are options here as well: a network with an alias, Reuse, Resources.
package mysql

import (
	"cmp"
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
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
const Image = "mysql:8.4"

// MariaDB is the image of MariaDB.
const MariaDB = "mariadb:11.8"

// Port is where the server listens.
const Port = 3306

// Options of a server. The zero value is a server with one database and one user besides root.
type Options struct {
	// Image is Image, MariaDB or one with the same contract. Default: Image.
	Image string
	// User has all rights on Database. Default: test.
	User string
	// Password of User and of root. Default: test.
	Password string
	// Database that is made. Default: test.
	Database string
	// Init has *.sql, *.sql.gz and *.sh files, which are run once by root, in the order of their names, before the server is
	// ready. Default: none.
	Init fs.FS
	// Config has options of the server, such as max-connections. Default: innodb-flush-log-at-trx-commit and sync-binlog are 0,
	// because a test's data need not survive the machine.
	Config map[string]string
	// TLS gives the server a certificate for this machine and for Names. Clients may do without.
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
	o.Image = cmp.Or(o.Image, Image)
	o.User, o.Password, o.Database = cmp.Or(o.User, "test"), cmp.Or(o.Password, "test"), cmp.Or(o.Database, "test")
	return o
}

// certDir is where the certificate is put.
const certDir = "/etc/caisson-tls"

// Option is what makes a container of Image such a server, with the Wait for it.
func (o Options) Option() dockertest.Option {
	o = o.defaults()
	if o.User == "root" {
		return dockertest.Invalid(errors.New("mysql: the images take no User root: leave it out, and log in as root with Password"))
	}
	query := o.query("select 1")
	list := []dockertest.Option{
		dockertest.Env("MYSQL_ROOT_PASSWORD", o.Password), dockertest.Env("MYSQL_DATABASE", o.Database),
		dockertest.Env("MYSQL_USER", o.User), dockertest.Env("MYSQL_PASSWORD", o.Password),
		dockertest.Port(Port),
		typed.Command("a query of database "+o.Database, Port, query[0], query[1:]...).Within(typed.SetUp),
	}
	if o.Init != nil {
		list = append(list, dockertest.Files("/docker-entrypoint-initdb.d", o.Init))
	}
	config := map[string]string{"innodb-flush-log-at-trx-commit": "0", "sync-binlog": "0"}
	if o.TLS {
		cert, err := typed.Cert(o.Names)
		if err != nil {
			return dockertest.Invalid(err)
		}
		config["ssl-cert"], config["ssl-key"], config["ssl-ca"] = certDir+"/server.pem", certDir+"/server.key", certDir+"/ca.pem"
		list = append(list, dockertest.Files(certDir, fstest.MapFS{ // the server's user is not root
			"server.pem": {Data: cert.Cert, Mode: 0o644}, "server.key": {Data: cert.Key, Mode: 0o644}, "ca.pem": {Data: cert.CA, Mode: 0o644},
		}))
	}
	maps.Copy(config, o.Config)
	var cmd []string
	for _, name := range slices.Sorted(maps.Keys(config)) {
		cmd = append(cmd, "--"+name+"="+config[name])
	}
	return dockertest.Options(append(list, dockertest.Cmd(cmd...))...)
}

// query is a command of the container that runs SQL by whichever client the image has.
func (o Options) query(sql string) []string {
	const script = `export MYSQL_PWD="$2"
exec "$(command -v mariadb || command -v mysql)" --protocol=tcp -h 127.0.0.1 -u "$1" --skip-column-names --batch -e "$4" "$3"`
	return []string{"sh", "-c", script, "sh", o.User, o.Password, o.Database, sql}
}

// DSN is where this machine reaches the database, in the form of the driver go-sql-driver/mysql:
// test:test@tcp(127.0.0.1:49153)/test. Parameters are added behind a question mark.
func (s *Server) DSN() string {
	return fmt.Sprintf("%s:%s@tcp(%s)/%s", s.opts.User, s.opts.Password, s.Addr(Port), s.opts.Database)
}

// URL is DSN as others write it: mysql://test:test@127.0.0.1:49153/test.
func (s *Server) URL() string { return s.opts.url(s.Addr(Port)) }

// URLAt is where other containers reach the database, at a name of the server's on their network: URLAt("db").
func (s *Server) URLAt(host string) string { return s.opts.url(fmt.Sprint(host, ":", Port)) }

func (o Options) url(addr string) string {
	u := url.URL{Scheme: "mysql", User: url.UserPassword(o.User, o.Password), Host: addr, Path: "/" + o.Database}
	return u.String()
}

// SQL opens the database with a driver that the test's imports have registered and that takes DSN, such as mysql, and closes
// it with the test.
func (s *Server) SQL(t testing.TB, driver string) *sql.DB {
	t.Helper()
	return typed.SQL(t, driver, s.DSN())
}

// Query runs SQL by the client in the container, and returns the rows without a header: columns are separated by tabs. It is for
// a word of set-up or of a look; SQL is for all else.
func (s *Server) Query(sql string) string {
	cmd := s.opts.query(sql)
	return s.Exec(cmd[0], cmd[1:]...)
}

// TLSConfig is what a client on this machine needs for a server with TLS; nil without. The driver takes it by
// mysql.RegisterTLSConfig("caisson", …), and then by ?tls=caisson behind the DSN.
func (s *Server) TLSConfig() *tls.Config { return typed.Config(s.opts.TLS, s.opts.Names) }
