// Package etcd runs etcd, a member that is a cluster of its own, for tests.
//
//	store := etcd.Run(t, etcd.Options{})
//	client, err := clientv3.New(clientv3.Config{Endpoints: []string{store.URL()}}) // http://127.0.0.1:49153
//
// It relies on what the project's image documents: /usr/local/bin/etcd, and the variables that stand for options of it.
//
// All options of package dockertest are options here as well: a network with an alias, Reuse, Resources.
package etcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/internal/typed"
)

// Image is the default image.
const Image = "quay.io/coreos/etcd:v3.6.4"

// Port is where the server listens for clients.
const Port = 2379

// Options of a server. The zero value is a server that lets every client in.
type Options struct {
	// Image is Image or one with the same contract. Default: Image.
	Image string
	// TLS has the server speak TLS alone, with a certificate for this machine and for Names.
	TLS bool
	// Names by which other containers reach the server, for its certificate. Default: none.
	Names []string
	// Args are further options of the server. Default: none.
	Args []string
}

// Server is a running server. The methods of the container that it is made of do for it what they do for any.
type Server struct {
	*dockertest.Container
	opts Options
}

// Run starts a server, waits until it has a leader and answers, and removes it when the test is over.
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

func (o Options) scheme() string {
	if o.TLS {
		return "https"
	}
	return "http"
}

// certDir is where the certificate is put.
const certDir = "/etc/caisson-tls"

// Option is what makes a container of Image such a server, with the Wait for it: that it can read, for which it needs a leader.
// It advertises an address of its own, so a client must not replace its endpoints by those that the server tells (sync).
func (o Options) Option() dockertest.Option {
	cmd := []string{
		"/usr/local/bin/etcd", "--data-dir", "/tmp/etcd",
		"--listen-client-urls", fmt.Sprintf("%s://0.0.0.0:%d", o.scheme(), Port),
		"--advertise-client-urls", fmt.Sprintf("%s://127.0.0.1:%d", o.scheme(), Port),
	}
	list := []dockertest.Option{dockertest.Port(Port), dockertest.Env("ETCD_UNSAFE_NO_FSYNC", "true")} // a test's data need not survive the machine
	healthy := dockertest.HTTP{Port: Port, Path: "/health", Body: `"true"`}
	if o.TLS {
		cert, err := typed.Cert(o.Names)
		if err != nil {
			return dockertest.Invalid(err)
		}
		healthy.TLS = typed.ClientTLS(cert)
		cmd = append(cmd, "--cert-file", certDir+"/server.pem", "--key-file", certDir+"/server.key")
		list = append(list, dockertest.Files(certDir, fstest.MapFS{
			"server.pem": {Data: cert.Cert, Mode: 0o644}, "server.key": {Data: cert.Key, Mode: 0o644},
		}))
	}
	return dockertest.Options(append(list, dockertest.Cmd(append(cmd, o.Args...)...), dockertest.WaitHTTP(healthy))...)
}

// URL is where this machine reaches the server, an endpoint for clients: http://127.0.0.1:49153, or https:// with TLS.
func (s *Server) URL() string { return s.opts.scheme() + "://" + s.Addr(Port) }

// URLAt is where other containers reach the server, at a name of it on their network: URLAt("etcd").
func (s *Server) URLAt(host string) string {
	return fmt.Sprintf("%s://%s:%d", s.opts.scheme(), host, Port)
}

// TLSConfig is what a client on this machine needs for a server with TLS; nil without.
func (s *Server) TLSConfig() *tls.Config { return typed.Config(s.opts.TLS, s.opts.Names) }
