// Package redis runs Redis or Valkey for tests.
//
//	cache := redis.Run(t, redis.Options{})
//	client := open(cache.URL()) // redis://127.0.0.1:49153/0
//
// It relies on what the official images redis and valkey/valkey have in common: their entrypoint takes the server's options as
// arguments, and the data directory is /data. Redis Stack's images take none and need package dockertest alone.
//
// All options of package dockertest are options here as well: a network with an alias, Reuse, Resources.
package redis

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/internal/typed"
)

// Image is the default image.
const Image = "redis:8"

// Valkey is the image of Valkey.
const Valkey = "valkey/valkey:8"

// Port is where the server listens.
const Port = 6379

// Options of a server. The zero value is a server without a password.
type Options struct {
	// Image is Image, Valkey or one with the same contract. Default: Image.
	Image string
	// Password of the default user. Default: none, and every client is let in.
	Password string
	// Config has directives of redis.conf by their names, such as maxmemory-policy. Default: save is empty, so that nothing
	// is written to disk.
	Config map[string]string
	// TLS has the server speak TLS alone, with a certificate for this machine and for Names.
	TLS bool
	// Names by which other containers reach the server, for its certificate. Default: none.
	Names []string
}

// Server is a running server. The methods of the container that it is made of do for it what they do for any.
type Server struct {
	*dockertest.Container
	opts Options
}

// Run starts a server, waits until it answers PING, and removes it when the test is over.
func Run(t testing.TB, o Options, opts ...dockertest.Option) *Server {
	t.Helper()
	return Of(dockertest.Run(t, o.image(), typed.With(o.Option(), opts)...), o)
}

// Start is Run for TestMain: Of(f.For(t), o) is the server in a test.
//
// Errors: those of dockertest.Start.
func Start(ctx context.Context, o Options, opts ...dockertest.Option) (*dockertest.Fixture, error) {
	return dockertest.Start(ctx, o.image(), typed.With(o.Option(), opts)...)
}

// Of is the server in a container that was started with the Option of the same options, in whatever way.
func Of(c *dockertest.Container, o Options) *Server { return &Server{c, o} }

func (o Options) image() string { return cmp.Or(o.Image, Image) }

// certDir is where the certificate is put.
const certDir = "/etc/caisson-tls"

// Option is what makes a container of Image such a server, with the Wait for it.
func (o Options) Option() dockertest.Option {
	config := map[string]string{"save": ""}
	if o.Password != "" {
		config["requirepass"] = o.Password
	}
	list := []dockertest.Option{dockertest.Port(Port)}
	var client *tls.Config
	if o.TLS {
		cert, err := typed.Cert(o.Names)
		if err != nil {
			return dockertest.Invalid(err)
		}
		client = typed.ClientTLS(cert)
		config["port"], config["tls-port"], config["tls-auth-clients"] = "0", fmt.Sprint(Port), "no"
		config["tls-cert-file"], config["tls-key-file"], config["tls-ca-cert-file"] = certDir+"/server.pem", certDir+"/server.key", certDir+"/ca.pem"
		list = append(list, dockertest.Files(certDir, fstest.MapFS{ // the server's user is not root
			"server.pem": {Data: cert.Cert, Mode: 0o644}, "server.key": {Data: cert.Key, Mode: 0o644}, "ca.pem": {Data: cert.CA, Mode: 0o644},
		}))
	}
	maps.Copy(config, o.Config)
	var cmd []string
	for _, name := range slices.Sorted(maps.Keys(config)) {
		cmd = append(cmd, "--"+name, config[name])
	}
	talk := func(conn net.Conn) error { return ping(conn, o.Password) }
	return dockertest.Options(append(list, dockertest.Cmd(cmd...), typed.Ask("an answer to PING", Port, client, talk))...)
}

// ping asks whether the server serves: while it loads its data it answers with an error.
func ping(conn net.Conn, password string) error {
	r := bufio.NewReader(conn)
	ask := func(args ...string) (string, error) {
		var b strings.Builder
		fmt.Fprintf(&b, "*%d\r\n", len(args))
		for _, a := range args {
			fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(a), a)
		}
		if _, err := conn.Write([]byte(b.String())); err != nil {
			return "", err
		}
		line, err := r.ReadString('\n')
		return strings.TrimSpace(line), err
	}
	if password != "" {
		if answer, err := ask("AUTH", password); err != nil || answer != "+OK" {
			return cmp.Or(err, fmt.Errorf("AUTH is answered by %q", answer))
		}
	}
	answer, err := ask("PING")
	if err != nil || answer != "+PONG" {
		return cmp.Or(err, fmt.Errorf("PING is answered by %q", answer))
	}
	return nil
}

// URL is where this machine reaches the server: redis://127.0.0.1:49153/0, or rediss:// with TLS.
func (s *Server) URL() string { return s.opts.url(s.Addr(Port)) }

// URLAt is where other containers reach the server, at a name of it on their network: URLAt("cache").
func (s *Server) URLAt(host string) string { return s.opts.url(fmt.Sprint(host, ":", Port)) }

func (o Options) url(addr string) string {
	u := url.URL{Scheme: "redis", Host: addr, Path: "/0"}
	if o.TLS {
		u.Scheme = "rediss"
	}
	if o.Password != "" {
		u.User = url.UserPassword("default", o.Password)
	}
	return u.String()
}

// TLSConfig is what a client on this machine needs for a server with TLS; nil without.
func (s *Server) TLSConfig() *tls.Config { return typed.Config(s.opts.TLS, s.opts.Names) }
