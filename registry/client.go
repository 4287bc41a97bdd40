package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociauth"
	"cuelabs.dev/go/oci/ociregistry/ociclient"
)

// ClientOptions are the options of NewClient. The zero value logs in with what `docker login` or `podman login` left
// behind, speaks TLS with the system's authorities, and plain HTTP to loopback.
type ClientOptions struct {
	// AuthFile is the file of credentials that is read, and that Login writes. Default: the files of
	// containers-auth.json(5), which Client.Credentials lists.
	AuthFile string

	// Credential is used for every registry that asks for one, instead of those in files. Default: those in files.
	Credential Credential

	// TLS says how to trust a registry.
	TLS TLSOptions

	// Retry says how often to try again.
	Retry RetryOptions

	// Logger gets a record for each retry, at level warn. No credential is ever logged. Default: nothing is logged.
	Logger *slog.Logger
}

// Client lists, inspects, reads, copies and deletes the content of registries, and logs in and out. It keeps connections
// and tokens. It is safe for concurrent use.
type Client struct {
	o     ClientOptions
	mu    sync.Mutex
	conns map[connKey]*conn
	hosts map[string]*http.Transport // connections are shared by the repositories of a registry
}

// connKey has the repository, since credentials may be for a part of a registry.
type connKey struct{ host, repo string }

// conn is the API of a repository with its credentials.
type conn struct {
	ociregistry.Interface
	base string // URL of the API, without /v2
	http *http.Client
}

// NewClient makes a client. It does not connect.
func NewClient(o ClientOptions) *Client {
	return &Client{o: o, conns: map[connKey]*conn{}, hosts: map[string]*http.Transport{}}
}

// Close closes idle connections. The client may still be used, and connects anew. It always returns nil.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, transport := range c.hosts {
		transport.CloseIdleConnections()
	}
	clear(c.conns)
	clear(c.hosts)
	return nil
}

// forget drops connections, and with them tokens, after a login or a logout.
func (c *Client) forget(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key := range c.conns {
		if key.host == host {
			delete(c.conns, key)
		}
	}
}

// conn finds or makes the connection to a repository; repo is empty for the registry as such.
func (c *Client) conn(ctx context.Context, host, repo string) (*conn, error) {
	c.mu.Lock()
	found := c.conns[connKey{host, repo}]
	c.mu.Unlock()
	if found != nil {
		return found, nil
	}
	cred := c.o.Credential
	if cred.IsZero() {
		var err error
		name := strings.TrimSuffix(host+"/"+repo, "/")
		if cred, err = c.lookup(ctx, name); err != nil {
			return nil, err
		}
	}
	made, err := c.dial(host, cred)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found := c.conns[connKey{host, repo}]; found != nil {
		return found, nil
	}
	c.conns[connKey{host, repo}] = made
	return made, nil
}

// credentialFor gives a credential to its registry and to no other, wherever a redirect leads.
type credentialFor struct {
	host string
	cred Credential
}

// EntryForRegistry implements ociauth.Config.
func (c credentialFor) EntryForRegistry(host string) (ociauth.ConfigEntry, error) {
	if host != c.host {
		return ociauth.ConfigEntry{}, nil
	}
	return ociauth.ConfigEntry{
		Username: c.cred.Username, Password: c.cred.Password, RefreshToken: c.cred.IdentityToken,
	}, nil
}

func (c *Client) transport(host string) (t *http.Transport, plain bool, err error) {
	if t, plain, err = c.o.TLS.transport(host); err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts[host] == nil {
		c.hosts[host] = t
	}
	return c.hosts[host], plain, nil
}

func (c *Client) dial(host string, cred Credential) (*conn, error) {
	transport, plain, err := c.transport(host)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", host, err)
	}
	api := apiHost(host)
	authed := ociauth.NewStdTransport(ociauth.StdTransportParams{
		Config:    credentialFor{host: api, cred: cred},
		Transport: &retryTransport{next: transport, o: c.o.Retry.withDefaults(), logger: c.o.Logger},
	})
	oci, err := ociclient.New(api, &ociclient.Options{Transport: authed, Insecure: plain})
	if err != nil {
		return nil, fmt.Errorf("%w: registry %q: %w", ErrInvalidReference, host, err)
	}
	scheme := "https://"
	if plain {
		scheme = "http://"
	}
	return &conn{Interface: oci, base: scheme + api, http: &http.Client{Transport: authed}}, nil
}

// reference parses and connects.
func (c *Client) reference(ctx context.Context, s string) (reference, *conn, error) {
	ref, err := parseReference(s)
	if err != nil {
		return ref, nil, err
	}
	conn, err := c.conn(ctx, ref.host, ref.repo)
	return ref, conn, err
}

// clientError adds the operation, its subject, and the sentinel that the caller can match.
func clientError(op, subject string, err error) error {
	if err == nil {
		return nil
	}
	sentinel, remedy := classify(err)
	// A token that the registry itself gave was not enough. Whether another account may, it does not say.
	if sentinel == ErrDenied && strings.Contains(err.Error(), "unauthorized response with freshly acquired auth token") {
		err = fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	switch {
	case sentinel == nil || errors.Is(err, sentinel):
		return fmt.Errorf("%s %s: %w", op, subject, err)
	case remedy != "":
		return fmt.Errorf("%s %s: %w: %w: %s", op, subject, sentinel, err, remedy)
	}
	return fmt.Errorf("%s %s: %w: %w", op, subject, sentinel, err)
}

//lint:ignore ST1008 the sentinel is a result, not a failure
func classify(err error) (sentinel error, remedy string) {
	status := 0
	var herr ociregistry.HTTPError
	if errors.As(err, &herr) {
		status = herr.StatusCode()
	}
	is := func(status2 int, errs ...error) bool {
		for _, e := range errs {
			if errors.Is(err, e) {
				return true
			}
		}
		return status == status2
	}
	var uerr *url.Error
	switch {
	case is(http.StatusUnauthorized, ociregistry.ErrUnauthorized):
		return ErrUnauthorized, "check the user name and the password, or log in with an account that has access"
	case is(http.StatusForbidden, ociregistry.ErrDenied):
		return ErrDenied, ""
	case is(http.StatusTooManyRequests, ociregistry.ErrTooManyRequests):
		return ErrRateLimited, "try later, or log in"
	case is(http.StatusMethodNotAllowed, ociregistry.ErrUnsupported):
		return ErrUnsupported, ""
	case is(http.StatusNotFound, ociregistry.ErrNameUnknown, ociregistry.ErrManifestUnknown, ociregistry.ErrBlobUnknown):
		return ErrNotFound, ""
	case status >= 500:
		return ErrUnreachable, ""
	case is(-1, ociregistry.ErrDigestInvalid):
		return ErrDigestMismatch, ""
	case is(-1, ociregistry.ErrManifestInvalid, ociregistry.ErrManifestBlobUnknown):
		return ErrInvalidManifest, ""
	case errors.Is(err, errSpeaksTLS), errors.As(err, new(*net.OpError)), errors.As(err, new(*net.DNSError)):
		return ErrUnreachable, ""
	case errors.As(err, &uerr) && strings.Contains(uerr.Err.Error(), "server gave HTTP response to HTTPS client"):
		return ErrUnreachable, "the registry speaks plain HTTP: set TLSOptions.PlainHTTP to allow that"
	}
	return nil, ""
}
