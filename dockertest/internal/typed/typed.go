// Package typed is what the packages of servers below dockertest share: waits that ask a server something, certificates, and
// the way to database/sql. Each of those packages knows one server: its official image's contract, its options and its URLs.
//
// It uses the public API of package dockertest alone, and imports no driver and no client of a server.
package typed

import (
	"bytes"
	"context"
	"crypto/tls"
	"database/sql"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/internal/certs"
)

// Dial connects to a port of the container as other containers do.
func Dial(ctx context.Context, f *dockertest.Fixture, port uint16) (net.Conn, error) {
	host := "" // its loopback, where it has no network of its own
	if ip := f.IP(); ip.IsValid() {
		host = ip.String()
	}
	return f.Dial(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
}

// Ask waits until a conversation on a new connection to a port ends without an error. With a config it is by TLS.
func Ask(what string, port uint16, config *tls.Config, talk func(net.Conn) error) dockertest.Wait {
	return dockertest.WaitFunc(what, func(ctx context.Context, c *dockertest.Container) error {
		conn, err := Dial(ctx, c.Fixture(), port)
		if err != nil {
			return err
		}
		defer conn.Close()
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		defer stop()
		if config != nil {
			conn = tls.Client(conn, config)
		}
		return talk(conn)
	})
}

// SetUp is how long a database that is made anew may take: a minute is not enough on a machine whose disk others write to.
const SetUp = 3 * time.Minute

// Command waits until a port accepts connections and then a command in the container ends with code 0: a command takes a
// hundred times as long as a connection.
func Command(what string, port uint16, name string, args ...string) dockertest.Wait {
	return dockertest.WaitFunc(what, func(ctx context.Context, c *dockertest.Container) error {
		conn, err := Dial(ctx, c.Fixture(), port)
		if err != nil {
			return err
		}
		conn.Close()
		out, err := c.Command(name, args...).CombinedOutput(ctx)
		if err != nil {
			return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
		}
		return nil
	})
}

// Cert is the certificate of servers that other containers reach by the names. It lies beside the store.
func Cert(names []string) (*certs.Cert, error) {
	eng, err := dockertest.Engine()
	if err != nil {
		return nil, err
	}
	return certs.For(context.Background(), filepath.Join(eng.Store().Root(), "dockertest", "certs"), names...)
}

// ClientTLS is how a client of a server with Cert on this machine is configured.
func ClientTLS(c *certs.Cert) *tls.Config {
	return &tls.Config{RootCAs: c.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

// SQL opens a database with a driver that the test's imports have registered, and closes it with the test.
func SQL(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	if !slices.Contains(sql.Drivers(), driver) {
		t.Fatalf("dockertest: database/sql has no driver %q: import one (registered are: %s)", driver, strings.Join(sql.Drivers(), ", "))
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatalf("dockertest: open the database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("dockertest: close the database: %v", err)
		}
	})
	return db
}

// With puts the options that make the server before those of the caller, which may add to them or change them.
func With(server dockertest.Option, opts []dockertest.Option) []dockertest.Option {
	return append([]dockertest.Option{server}, opts...)
}

// Config is what a client on this machine needs for a server with TLS; nil without. The certificate was there when the server
// began.
func Config(enabled bool, names []string) *tls.Config {
	if !enabled {
		return nil
	}
	cert, err := Cert(names)
	if err != nil {
		return &tls.Config{ServerName: "localhost", MinVersion: tls.VersionTLS12} // it trusts nobody that it should not
	}
	return ClientTLS(cert)
}
