// Package registry runs the CNCF's registry of images, distribution, for tests of programs that must work with that one.
//
//	reg := registry.Run(t, registry.Options{Delete: true})
//	push(reg.Ref("app:1")) // 127.0.0.1:49153/app:1
//
// A registry that starts within a millisecond, in the test's own process, and whose requests fail as the test wants it is
// dockertest.Registry.
//
// It relies on what the official image registry documents: variables that begin with REGISTRY_ replace entries of its
// configuration.
//
// All options of package dockertest are options here as well: a network with an alias, Reuse, Resources.
package registry

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/dockertest/internal/typed"
)

// Image is the default image.
const Image = "registry:3"

// Port is where the server listens.
const Port = 5000

// Options of a registry. The zero value lets every client push and pull.
type Options struct {
	// Image is Image or one with the same contract. Default: Image.
	Image string
	// Htpasswd has the users, a line each, as htpasswd -nbB writes them: the registry takes bcrypt alone. Default: none, and
	// every client is let in.
	Htpasswd string
	// Delete lets clients delete manifests and blobs.
	Delete bool
	// Upstream makes the registry a cache of another one: https://registry-1.docker.io. Default: none.
	Upstream string
	// TLS has the registry speak TLS alone, with a certificate for this machine and for Names.
	TLS bool
	// Names by which other containers reach the registry, for its certificate. Default: none.
	Names []string
}

// Server is a running registry. The methods of the container that it is made of do for it what they do for any.
type Server struct {
	*dockertest.Container
	opts Options
}

// Run starts a registry, waits until it answers, and removes it when the test is over.
func Run(t testing.TB, o Options, opts ...dockertest.Option) *Server {
	t.Helper()
	return Of(dockertest.Run(t, o.image(), typed.With(o.Option(), opts)...), o)
}

// Start is Run for TestMain: Of(f.For(t), o) is the registry in a test.
//
// Errors: those of dockertest.Start.
func Start(ctx context.Context, o Options, opts ...dockertest.Option) (*dockertest.Fixture, error) {
	return dockertest.Start(ctx, o.image(), typed.With(o.Option(), opts)...)
}

// Of is the registry in a container that was started with the Option of the same options, in whatever way.
func Of(c *dockertest.Container, o Options) *Server { return &Server{c, o} }

func (o Options) image() string { return cmp.Or(o.Image, Image) }

const configDir = "/etc/caisson-registry"

// Option is what makes a container of Image such a registry, with the Wait for it.
func (o Options) Option() dockertest.Option {
	list := []dockertest.Option{dockertest.Port(Port)}
	env := func(name, value string) { list = append(list, dockertest.Env("REGISTRY_"+name, value)) }
	files := fstest.MapFS{}
	answer := dockertest.HTTP{Port: Port, Path: "/v2/", Status: http.StatusOK}
	env("HTTP_ADDR", fmt.Sprint(":", Port))
	if o.Delete {
		env("STORAGE_DELETE_ENABLED", "true")
	}
	if o.Upstream != "" {
		env("PROXY_REMOTEURL", o.Upstream)
	}
	if o.Htpasswd != "" {
		files["htpasswd"] = &fstest.MapFile{Data: []byte(strings.TrimSpace(o.Htpasswd) + "\n"), Mode: 0o644}
		env("AUTH", "htpasswd")
		env("AUTH_HTPASSWD_REALM", "tests")
		env("AUTH_HTPASSWD_PATH", configDir+"/htpasswd")
		answer.Status = http.StatusUnauthorized
	}
	if o.TLS {
		cert, err := typed.Cert(o.Names)
		if err != nil {
			return dockertest.Invalid(err)
		}
		files["server.pem"], files["server.key"] = &fstest.MapFile{Data: cert.Cert, Mode: 0o644}, &fstest.MapFile{Data: cert.Key, Mode: 0o644}
		env("HTTP_TLS_CERTIFICATE", configDir+"/server.pem")
		env("HTTP_TLS_KEY", configDir+"/server.key")
		answer.TLS = typed.ClientTLS(cert)
	}
	if len(files) > 0 {
		list = append(list, dockertest.Files(configDir, files))
	}
	return dockertest.Options(append(list, dockertest.WaitHTTP(answer))...)
}

// URL is where this machine reaches the registry: http://127.0.0.1:49153, or https:// with TLS.
func (s *Server) URL() string {
	if s.opts.TLS {
		return s.Container.URL("https", Port)
	}
	return s.Container.URL("http", Port)
}

// Ref is the name of an image of the registry: Ref("app:1") is "127.0.0.1:49153/app:1".
func (s *Server) Ref(name string) string { return s.Addr(Port) + "/" + name }

// TLSConfig is what a client on this machine needs for a registry with TLS; nil without.
func (s *Server) TLSConfig() *tls.Config { return typed.Config(s.opts.TLS, s.opts.Names) }
