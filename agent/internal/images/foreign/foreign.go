// Package foreign passes on, without credentials, the requests of a push that a registry sends to another host: its answer
// to the begin of an upload names the address that the upload goes to, and upstream's client sends the registry's password
// or token there, whatever host it is.
//
// Upstream has no hook for that but the choice of a proxy by the address of a request. So the proxy is this process: it
// listens on the loopback, for who knows its secret. It sees requests over plain HTTP alone; those over TLS pass through no
// proxy that could take something off them.
//
// It touches sockets and nothing else. It knows no images, and of registries only their host.
package foreign

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Proxy passes requests on. The zero value is ready, and listens when it is first needed, until the process ends.
type Proxy struct {
	once sync.Once
	at   *url.URL
	err  error
}

// Func chooses the proxy for a request of a push to the registry at host: this one, or what the environment says.
func (p *Proxy) Func(host string) func(*url.URL) (*url.URL, error) {
	return func(u *url.URL) (*url.URL, error) {
		if !elsewhere(u, host) {
			return http.ProxyFromEnvironment(&http.Request{URL: u})
		}
		p.once.Do(func() { p.at, p.err = listen() })
		return p.at, p.err
	}
}

// elsewhere reports whether a request leaves the registry for another host or port, over plain HTTP. One that leaves TLS does so,
// too, also at the same host.
func elsewhere(u *url.URL, host string) bool {
	return u.Scheme == "http" && !strings.EqualFold(port80(u.Host), port80(host))
}

func port80(host string) string { return strings.TrimSuffix(host, ":80") }

const user = "caisson"

func listen() (*url.URL, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("pass on what a registry sends elsewhere: %w", err)
	}
	secret := rand.Text()
	srv := &http.Server{Handler: handler(secret), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = srv.Serve(l) }()
	return &url.URL{Scheme: "http", User: url.UserPassword(user, secret), Host: l.Addr().String()}, nil
}

// handler is the proxy for who knows the secret.
func handler(secret string) http.Handler {
	onward := http.DefaultTransport.(*http.Transport).Clone()
	onward.DisableCompression = true // what arrives is passed on as it is
	pass := &httputil.ReverseProxy{
		Transport: onward,
		ErrorLog:  log.New(io.Discard, "", 0),
		Rewrite: func(r *httputil.ProxyRequest) {
			if isRegistrys(r.In) {
				r.Out.Header.Del("Authorization")
			}
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch err := allowed(r, secret); {
		case errors.Is(err, errSecret):
			http.Error(w, err.Error(), http.StatusProxyAuthRequired)
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		default:
			pass.ServeHTTP(w, r)
		}
	})
}

var (
	errSecret   = errors.New("this proxy is not yours")
	errAbsolute = errors.New("this is a proxy for http URLs")
)

func allowed(r *http.Request, secret string) error {
	// The proxy's authentication has the form of a server's.
	_, password, ok := (&http.Request{Header: http.Header{"Authorization": r.Header["Proxy-Authorization"]}}).BasicAuth()
	if !ok || subtle.ConstantTimeCompare([]byte(password), []byte(secret)) != 1 {
		return errSecret
	}
	if r.URL.Scheme != "http" || r.URL.Host == "" {
		return errAbsolute
	}
	return nil
}

// isRegistrys tells requests of the registry's protocol, which upstream marks, from those for tokens: the server of tokens
// gets the password on whatever host it is, as with Docker.
func isRegistrys(r *http.Request) bool { return r.Header.Get("Docker-Distribution-API-Version") != "" }
