package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// ServeOptions say where Serve listens. The zero value is a free port of 127.0.0.1, without TLS.
type ServeOptions struct {
	// Addr is the TCP address to listen on, HOST:PORT. Default: "127.0.0.1:0", which is a free port of loopback.
	Addr string

	// TLS serves HTTPS, with a certificate that is made at the start unless TLSConfig has one. Default: HTTP.
	TLS bool

	// TLSConfig is the configuration of the TLS server. It is used only if TLS is set. If it has no certificate, it is served
	// with the one that is made at the start. Default: TLS 1.2 or later.
	TLSConfig *tls.Config
}

// Serving is a registry that listens, in the manner of httptest.Server.
type Serving struct {
	*Server

	// Addr is HOST:PORT, the beginning of a reference such as Addr + "/app:1".
	Addr string

	// URL is the address with its scheme.
	URL string

	http *http.Server
	ca   authority
	done chan error
}

// Serve makes a registry and serves it until Close.
//
//	reg, err := server.Serve(server.Options{}, server.ServeOptions{})
//
// Errors: those of Server.Err, and those of Server.Serve.
func Serve(o Options, at ServeOptions) (*Serving, error) {
	server := New(o)
	if server.err != nil {
		return nil, server.err
	}
	return server.Serve(at)
}

// Serve serves the registry until Close. A registry may be served at several addresses.
//
// Errors: those of Server.Err; those of net.Listen for ServeOptions.Addr, such as an address in use.
func (s *Server) Serve(at ServeOptions) (*Serving, error) {
	if s.err != nil {
		return nil, s.err
	}
	if at.Addr == "" {
		at.Addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", at.Addr)
	if err != nil {
		return nil, fmt.Errorf("serve registry: %w", err)
	}
	v := &Serving{Server: s, Addr: listener.Addr().String(), done: make(chan error, 1)}
	v.URL = "http://" + v.Addr
	v.http = &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: errorLog(s.o.Logger),
	}
	if at.TLS {
		v.URL = "https://" + v.Addr
		if v.http.TLSConfig, v.ca, err = serverTLS(at.TLSConfig, v.Addr); err != nil {
			return nil, errors.Join(err, listener.Close())
		}
	}
	go func() {
		if at.TLS {
			v.done <- v.http.ServeTLS(listener, "", "")
		} else {
			v.done <- v.http.Serve(listener)
		}
	}()
	return v, nil
}

// closeGrace is how long Close lets requests under way go on.
const closeGrace = 5 * time.Second

// Close stops listening, lets requests under way end for up to 5 seconds, and cuts those that do not. The content of a
// registry in memory is lost when nothing else refers to its Server. A second Close does nothing.
//
// Errors: those of the listener, which is closed all the same.
func (v *Serving) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeGrace)
	defer cancel()
	err := v.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = v.http.Close()
	}
	if e := <-v.done; !errors.Is(e, http.ErrServerClosed) {
		v.done <- http.ErrServerClosed // for a second Close
		return errors.Join(err, e)
	}
	v.done <- http.ErrServerClosed
	return err
}

// CertPool has the authority of the certificate that Serve made, for a client's TLS; nil without TLS, or with a
// certificate of the caller's.
func (v *Serving) CertPool() *x509.CertPool { return v.ca.pool }

// CertPEM is the certificate of the authority of CertPool, in PEM, as certs.d/HOST:PORT/ca.crt has it.
func (v *Serving) CertPEM() []byte { return v.ca.pem }
