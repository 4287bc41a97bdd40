// Package nats runs a NATS server for tests.
//
//	bus := nats.Run(t, nats.Options{JetStream: true})
//	conn := connect(bus.URL()) // nats://127.0.0.1:49153
//
// It relies on what the official image nats documents: its entrypoint takes the server's options as arguments, without the
// configuration file that the image has.
//
// All options of package dockertest are options here as well: a network with an alias, Reuse, Resources.
package nats

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/internal/typed"
)

// Image is the default image.
const Image = "nats:2"

// Port is where the server listens for clients, and MonitorPort where it answers by HTTP.
const (
	Port        = 4222
	MonitorPort = 8222
)

// Options of a server. The zero value is a server that lets every client in, without JetStream.
type Options struct {
	// Image is Image or one with the same contract. Default: Image.
	Image string
	// JetStream keeps messages, in /tmp/nats of the container.
	JetStream bool
	// User and Password of clients. Default: none, and every client is let in.
	User, Password string
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

// Run starts a server, waits until it lets a client in and answers PING, and removes it when the test is over.
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
	cmd := []string{"--port", fmt.Sprint(Port), "--http_port", fmt.Sprint(MonitorPort)}
	if o.JetStream {
		cmd = append(cmd, "--jetstream", "--store_dir", "/tmp/nats")
	}
	if o.User != "" {
		cmd = append(cmd, "--user", o.User, "--pass", o.Password)
	}
	list := []dockertest.Option{dockertest.Port(Port, MonitorPort)}
	var client *tls.Config
	if o.TLS {
		cert, err := typed.Cert(o.Names)
		if err != nil {
			return dockertest.Invalid(err)
		}
		client = typed.ClientTLS(cert)
		cmd = append(cmd, "--tls", "--tlscert", certDir+"/server.pem", "--tlskey", certDir+"/server.key")
		list = append(list, dockertest.Files(certDir, fstest.MapFS{
			"server.pem": {Data: cert.Cert, Mode: 0o644}, "server.key": {Data: cert.Key, Mode: 0o644},
		}))
	}
	talk := func(conn net.Conn) error { return o.ping(conn, client) }
	return dockertest.Options(append(list, dockertest.Cmd(append(cmd, o.Args...)...), typed.Ask("an answer to PING", Port, nil, talk))...)
}

// ping is a client's beginning: the server tells what it is, in the clear, and the client goes on as it is told to.
func (o Options) ping(conn net.Conn, config *tls.Config) error {
	info, err := bufio.NewReaderSize(conn, 64<<10).ReadString('\n') // nothing comes after it until the client has spoken
	if err == nil && !strings.HasPrefix(info, "INFO ") {
		err = fmt.Errorf("the server begins with %q", info)
	}
	if err != nil {
		return err
	}
	if config != nil {
		conn = tls.Client(conn, config)
	}
	connect, err := json.Marshal(map[string]any{"verbose": false, "user": o.User, "pass": o.Password, "name": "dockertest"})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conn, "CONNECT %s\r\nPING\r\n", connect); err != nil {
		return err
	}
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(line, "PONG"):
			return nil
		case !strings.HasPrefix(line, "INFO "): // after TLS it may come again
			return fmt.Errorf("PING is answered by %q", line)
		}
	}
}

// URL is where this machine reaches the server: nats://127.0.0.1:49153, or tls:// with TLS.
func (s *Server) URL() string { return s.opts.url(s.Addr(Port)) }

// URLAt is where other containers reach the server, at a name of it on their network: URLAt("bus").
func (s *Server) URLAt(host string) string { return s.opts.url(fmt.Sprint(host, ":", Port)) }

func (o Options) url(addr string) string {
	u := url.URL{Scheme: "nats", Host: addr}
	if o.TLS {
		u.Scheme = "tls"
	}
	if o.User != "" {
		u.User = url.UserPassword(o.User, o.Password)
	}
	return u.String()
}

// MonitorURL is where this machine asks the server how it is, by HTTP: http://127.0.0.1:49154.
func (s *Server) MonitorURL() string { return s.Container.URL("http", MonitorPort) }

// TLSConfig is what a client on this machine needs for a server with TLS; nil without.
func (s *Server) TLSConfig() *tls.Config { return typed.Config(s.opts.TLS, s.opts.Names) }
