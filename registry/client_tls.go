package registry

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/caisson-dev/caisson/internal/certsd"
)

// TLSOptions say how to trust a registry. The zero value verifies HTTPS with the authorities of the system and of certs.d.
//
// A registry on loopback (localhost, 127.0.0.0/8, ::1) may also be plain HTTP, or have a certificate that can't be
// verified, as in Docker: the client tries HTTPS first, and speaks HTTP if the server does not speak TLS. The certificate is
// verified all the same if RootCAs is set. If certs.d has an authority for this registry, then the certificate is verified
// and plain HTTP is refused.
type TLSOptions struct {
	// RootCAs are trusted instead of the system's authorities. Those of certs.d are added. Default: the system's.
	RootCAs *x509.CertPool

	// CertsDir is a directory like those of containers-certs.d(5): CertsDir/HOST:PORT has *.crt, authorities to trust, and
	// NAME.cert with NAME.key, to log in with. Default: the first of ~/.config/containers/certs.d, /etc/containers/certs.d
	// and /etc/docker/certs.d that has the registry.
	CertsDir string

	// SkipVerify takes any certificate: whoever is on the way can read and change all. For tests.
	SkipVerify bool

	// PlainHTTP speaks HTTP to all registries, and never TLS: whoever is on the way can read and change all. For tests.
	PlainHTTP bool
}

// transport is how to reach a host.
func (o TLSOptions) transport(host string) (hostTransport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, InsecureSkipVerify: o.SkipVerify} // by choice
	authority, err := o.addCertsDir(config, host)
	if err != nil {
		return nil, err
	}
	strict := newTransport(config)
	if !loopback(host) || o.PlainHTTP || authority {
		return strict, nil
	}
	own := config.Clone()
	own.InsecureSkipVerify = o.SkipVerify || o.RootCAs == nil
	return &loopbackTransport{host: apiHost(host), own: newTransport(own), others: strict}, nil
}

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   handshakeTimeout,
		TLSClientConfig:       config,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // blobs are asked for by digest: as they are
	}
}

const handshakeTimeout = 15 * time.Second

// addCertsDir adds what certs.d has for the host, and says whether it has an authority.
func (o TLSOptions) addCertsDir(config *tls.Config, host string) (authority bool, err error) {
	dirs := certsd.Dirs()
	if o.CertsDir != "" {
		dirs = []string{o.CertsDir}
	}
	files, err := certsd.Find(dirs, host)
	if err != nil {
		return false, err
	}
	for _, file := range files.Authorities {
		if err := addAuthority(config, file); err != nil {
			return false, err
		}
	}
	for _, file := range files.Clients {
		cert, err := tls.LoadX509KeyPair(file, certsd.KeyOf(file))
		if err != nil {
			return false, fmt.Errorf("client certificate %s: %w", file, err)
		}
		config.Certificates = append(config.Certificates, cert)
	}
	return len(files.Authorities) > 0, nil
}

func addAuthority(config *tls.Config, file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	pool := config.RootCAs
	if pool == nil {
		if pool, err = x509.SystemCertPool(); err != nil {
			pool = x509.NewCertPool()
		}
	}
	pool = pool.Clone()
	if !pool.AppendCertsFromPEM(data) {
		return fmt.Errorf("%s: no certificate in it", file)
	}
	config.RootCAs = pool
	return nil
}
