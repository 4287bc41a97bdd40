package dockertest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"github.com/caisson-dev/caisson/dockertest/internal/wait"
)

// HTTP is a request and the answer that WaitHTTP waits for.
type HTTP struct {
	// Port of the container, published or not. Default: the first that Port declares.
	Port uint16
	// Path, with a query if there is one. Default: /.
	Path string
	// Method. Default: GET.
	Method string
	// Header of the request. An entry Host in it is the host name of the request. Default: none, and localhost.
	Header http.Header
	// TLS asks by HTTPS, when it is not nil: &tls.Config{InsecureSkipVerify: true}, or with RootCAs and ServerName.
	TLS *tls.Config
	// Status of the answer. Default: any of 200 to 299. Redirections are not followed.
	Status int
	// Body is text that the answer's body has, in its first MiB. A stream is read until it has come. Default: the body is
	// not read, so that an answer counts as soon as its header has come.
	Body string
	// Check looks at the answer, whose body it may read, after all of the above. It may call t.Fatal to end the wait.
	Check func(*http.Response) error
}

// WaitHTTP waits until a request is answered as it should be. The connection is made inside the container's network.
func WaitHTTP(h HTTP) Wait {
	path := h.Path
	if path == "" {
		path = "/"
	}
	scheme := "http"
	if h.TLS != nil {
		scheme = "https"
	}
	w := Wait{what: fmt.Sprintf("an answer to %s %s", scheme, path), foreign: h.Check != nil, ports: h.Port == 0}
	if h.Port != 0 {
		w.what += " at port " + strconv.Itoa(int(h.Port))
	}
	target, err := url.Parse(path)
	if err != nil || path[0] != '/' {
		w.err = errors.Join(fmt.Errorf("HTTP.Path %q is not an absolute path", path), err)
		return w
	}
	target.Scheme, target.Host = scheme, "localhost"
	if host := h.Header.Get("Host"); host != "" {
		target.Host = host
	}
	w.hold = func(ctx context.Context, p *probe) error {
		port := h.Port
		if port == 0 {
			port = p.settings.ports[0]
		}
		client := p.httpClient(port, h.TLS)
		defer client.CloseIdleConnections()
		return p.poll(ctx, func(ctx context.Context) error { return h.try(ctx, client, target.String()) })
	}
	return w
}

func (p *probe) httpClient(port uint16, config *tls.Config) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return p.dialPort(ctx, port) },
			TLSClientConfig:   config,
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (h HTTP) try(ctx context.Context, client *http.Client, target string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, h.Method, target, nil)
	if err != nil {
		return wait.Permanent{Err: err}
	}
	if h.Header != nil {
		req.Header = h.Header.Clone()
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if h.Status != 0 && resp.StatusCode != h.Status || h.Status == 0 && (resp.StatusCode < 200 || resp.StatusCode > 299) {
		if body := wait.Short(wait.Beginning(resp.Body, cancel)); body != "" {
			return fmt.Errorf("status %s: %s", resp.Status, body)
		}
		return fmt.Errorf("status %s with an empty body", resp.Status)
	}
	if h.Body != "" {
		read, found, err := wait.Search(resp.Body, []byte(h.Body))
		if err != nil {
			return fmt.Errorf("status %s, and the body broke off before %q: %w: %s", resp.Status, h.Body, err, wait.Short(read))
		}
		if !found {
			return fmt.Errorf("status %s, and the body has no %q: %s", resp.Status, h.Body, wait.Short(read))
		}
		resp.Body = struct { // as it was before
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(read), resp.Body), resp.Body}
	}
	if h.Check != nil {
		return h.Check(resp)
	}
	return nil
}
