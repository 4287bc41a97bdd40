package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"cuelabs.dev/go/oci/ociregistry"
	"cuelabs.dev/go/oci/ociregistry/ociauth"
	"cuelabs.dev/go/oci/ociregistry/ociclient"
	"github.com/caisson-dev/caisson/internal/api"
)

// ClientOptions are the options of NewClient. The zero value logs in with what `docker login` or `podman login` left
// behind, and trusts registries as TLSOptions says.
type ClientOptions struct {
	// AuthFile is the file of credentials that is read, and that Login writes. Default: the files of
	// containers-auth.json(5), which Client.Credentials lists.
	AuthFile string

	// Credential is what to log in with to every registry that asks for it. Default: the credentials in the files, as
	// Client.Credentials finds them.
	Credential Credential

	// TLS says how to trust a registry. Default: as TLSOptions says.
	TLS TLSOptions

	// Retry says how to try again. Default: as RetryOptions says.
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
	hosts map[string]hostTransport // connections are shared by the repositories of a registry
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
	return &Client{o: o, conns: map[connKey]*conn{}, hosts: map[string]hostTransport{}}
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

func (c *Client) transport(host string) (hostTransport, error) {
	t, err := c.o.TLS.transport(host)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hosts[host] == nil {
		c.hosts[host] = t
	}
	return c.hosts[host], nil
}

func (c *Client) dial(host string, cred Credential) (*conn, error) {
	transport, err := c.transport(host)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", host, err)
	}
	at := apiHost(host)
	authed := ociauth.NewStdTransport(ociauth.StdTransportParams{
		Config:    credentialFor{host: at, cred: cred},
		Transport: &retryTransport{next: transport, o: c.o.Retry.withDefaults(), logger: c.o.Logger},
	})
	oci, err := ociclient.New(at, &ociclient.Options{Transport: authed, Insecure: c.o.TLS.PlainHTTP})
	if err != nil {
		return nil, fmt.Errorf("%w: registry %q: %w", ErrInvalidReference, host, err)
	}
	scheme := "https://"
	if c.o.TLS.PlainHTTP {
		scheme = "http://"
	}
	return &conn{Interface: oci, base: scheme + at, http: &http.Client{Transport: authed}}, nil
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
	err = sayOnce(err)
	sentinel, remedy := classify(err)
	// A token that the registry itself gave was not enough. Whether another account may, it does not say.
	if sentinel == ErrDenied && strings.Contains(err.Error(), "unauthorized response with freshly acquired auth token") {
		err = fmt.Errorf("%w: %w", ErrUnauthorized, err)
	}
	err = fmt.Errorf("%s %s: %w", op, subject, withRemedy(err, sentinel, remedy))
	if sentinel == nil {
		return err
	}
	return api.Errorf(sentinel, "%w", err)
}

// withRemedy puts the sentinel's text before an error that does not say it by its status, and the remedy after it.
func withRemedy(err, sentinel error, remedy string) error {
	if sentinel == nil || errors.Is(err, sentinel) {
		return err
	}
	if !errors.As(err, new(ociregistry.HTTPError)) {
		err = fmt.Errorf("%w: %w", sentinel, err)
	}
	if remedy != "" {
		err = fmt.Errorf("%w: %s", err, remedy)
	}
	return err
}

// sayOnce leaves out the second of two statuses: ociclient puts one before an answer that has no error in it, and says it
// again with every error of an answer.
func sayOnce(err error) error {
	var herr ociregistry.HTTPError
	if !errors.As(err, &herr) {
		return err
	}
	status := fmt.Sprintf("%d %s", herr.StatusCode(), http.StatusText(herr.StatusCode()))
	text := strings.ReplaceAll(err.Error(), status+": "+status, status)
	if text == err.Error() {
		return err
	}
	return &reworded{text, err}
}

// reworded is an error with another text.
type reworded struct {
	text string
	err  error
}

func (r *reworded) Error() string { return r.text }
func (r *reworded) Unwrap() error { return r.err }
