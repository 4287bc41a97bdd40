package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// loopback says whether a host is this machine, as in Docker.
func loopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// hostTransport reaches a registry.
type hostTransport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// loopbackTransport reaches a registry on loopback with or without TLS, whichever the server speaks. Where its redirects
// lead is no concern of that: it is verified as ever.
type loopbackTransport struct {
	host   string
	own    *http.Transport
	others *http.Transport

	mu    sync.Mutex
	known bool
	plain bool
}

// RoundTrip implements http.RoundTripper.
func (t *loopbackTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Host != t.host {
		return t.others.RoundTrip(req)
	}
	if req.URL.Scheme != "https" {
		return t.own.RoundTrip(req)
	}
	plain, err := t.speaksPlain(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close() // as a RoundTripper must
		}
		return nil, err
	}
	resp, err := t.send(req, plain)
	if !wrongWay(plain, req, resp, err) {
		return resp, err
	}
	t.remember(!plain) // another server has taken the port, or the handshake took too long
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return resp, err
		}
		body, failed := req.GetBody()
		if failed != nil {
			return resp, err
		}
		req = req.Clone(req.Context())
		req.Body = body
	}
	if resp != nil {
		_ = resp.Body.Close()
	}
	return t.send(req, !plain)
}

func (t *loopbackTransport) send(req *http.Request, plain bool) (*http.Response, error) {
	if plain {
		req = req.Clone(req.Context())
		req.URL.Scheme = "http"
	}
	return t.own.RoundTrip(req)
}

// wrongWay says whether the server speaks the other way.
func wrongWay(plain bool, req *http.Request, resp *http.Response, err error) bool {
	if err != nil {
		return !plain && errors.As(err, new(tls.RecordHeaderError))
	}
	return plain && refusesPlain(req, resp)
}

func (t *loopbackTransport) remember(plain bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known, t.plain = true, plain
}

// CloseIdleConnections is called by Client.Close.
func (t *loopbackTransport) CloseIdleConnections() {
	t.own.CloseIdleConnections()
	t.others.CloseIdleConnections()
}

// probeTimeout bounds the wait for the answer to a handshake. It comes from this machine.
const probeTimeout = 5 * time.Second

// speaksPlain begins a TLS session, once, to see whether the server does. Requests at the same time may all do that.
func (t *loopbackTransport) speaksPlain(ctx context.Context) (bool, error) {
	t.mu.Lock()
	known, plain := t.known, t.plain
	t.mu.Unlock()
	if known {
		return plain, nil
	}
	addr := t.host
	if _, _, err := net.SplitHostPort(addr); err != nil {
		addr = net.JoinHostPort(strings.Trim(addr, "[]"), "443")
	}
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	raw, err := t.own.DialContext(ctx, "tcp", addr)
	if err != nil {
		if addr != t.host && caller.Err() == nil {
			return true, nil // without a port in its name, plain HTTP has another one
		}
		return false, err
	}
	defer func() { _ = raw.Close() }()
	err = tls.Client(raw, &tls.Config{InsecureSkipVerify: true}).HandshakeContext(ctx) // nothing is sent; the request verifies
	if caller.Err() != nil {
		return false, api.Ended(caller)
	}
	// An alert is TLS. A server that says nothing may wait for the end of what it takes for a line.
	plain = err != nil && !strings.Contains(err.Error(), "remote error: tls: ")
	t.remember(plain)
	return plain, nil
}
