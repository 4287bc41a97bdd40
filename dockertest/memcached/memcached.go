// Package memcached runs Memcached for tests.
//
//	cache := memcached.Run(t, memcached.Options{})
//	client := memcache.New(cache.Address()) // 127.0.0.1:49153
//
// It relies on what the official image memcached documents: its entrypoint takes the server's options as arguments.
//
// All options of package dockertest are options here as well: a network with an alias, Reuse, Resources.
package memcached

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/internal/typed"
)

// Image is the default image.
const Image = "memcached:1.6"

// Port is where the server listens.
const Port = 11211

// Options of a server. The zero value is a server as it is without options.
type Options struct {
	// Image is Image or one with the same contract. Default: Image.
	Image string
	// Memory for items, in MiB. Default: the server's, 64.
	Memory int
	// Args are further options of the server, such as -I 2m. Default: none.
	Args []string
}

// Server is a running server. The methods of the container that it is made of do for it what they do for any.
type Server struct {
	*dockertest.Container
}

// Run starts a server, waits until it tells its version, and removes it when the test is over.
func Run(t testing.TB, o Options, opts ...dockertest.Option) *Server {
	t.Helper()
	return Of(dockertest.Run(t, o.image(), typed.With(o.Option(), opts)...))
}

// Start is Run for TestMain: Of(f.For(t)) is the server in a test.
//
// Errors: those of dockertest.Start.
func Start(ctx context.Context, o Options, opts ...dockertest.Option) (*dockertest.Fixture, error) {
	return dockertest.Start(ctx, o.image(), typed.With(o.Option(), opts)...)
}

// Of is the server in a container that was started with an Option of this package, in whatever way.
func Of(c *dockertest.Container) *Server { return &Server{c} }

func (o Options) image() string { return cmp.Or(o.Image, Image) }

// Option is what makes a container of Image such a server, with the Wait for it.
func (o Options) Option() dockertest.Option {
	cmd := []string{"memcached"}
	if o.Memory != 0 {
		cmd = append(cmd, "-m", fmt.Sprint(o.Memory))
	}
	return dockertest.Options(dockertest.Port(Port), dockertest.Cmd(append(cmd, o.Args...)...),
		typed.Ask("an answer to version", Port, nil, version))
}

func version(conn net.Conn) error {
	if _, err := fmt.Fprint(conn, "version\r\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "VERSION ") {
		err = fmt.Errorf("version is answered by %q", line)
	}
	return err
}

// Address is where this machine reaches the server: 127.0.0.1:49153.
func (s *Server) Address() string { return s.Addr(Port) }
