package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// TLSOptions say how to trust a registry. Zero: HTTPS with the system's authorities and those of certs.d, and plain
// HTTP to loopback, unless there is an authority for it.
type TLSOptions struct {
	// RootCAs are trusted instead of the system's; those of certs.d are added.
	RootCAs *x509.CertPool

	// CertsDir is a certs.d: CertsDir/HOST:PORT has *.crt, authorities to trust, and NAME.cert with NAME.key to log in
	// with. When empty, those of containers-certs.d(5): ~/.config/containers/certs.d, /etc/containers/certs.d,
	// /etc/docker/certs.d.
	CertsDir string

	// SkipVerify takes any certificate: whoever is on the way can read and change all. For tests.
	SkipVerify bool

	// PlainHTTP speaks HTTP, to all registries: whoever is on the way can read and change all. For tests.
	PlainHTTP bool
}

// transport is how to reach a host, and whether without TLS.
func (o TLSOptions) transport(host string) (t *http.Transport, plain bool, err error) {
	t = &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		TLSHandshakeTimeout:   15 * time.Second,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // blobs are asked for by digest: as they are
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs, InsecureSkipVerify: o.SkipVerify} // by choice
	found, err := o.addCertsDir(config, host)
	if err != nil {
		return nil, false, err
	}
	t.TLSClientConfig = config
	trust := o.RootCAs != nil || o.SkipVerify || found
	return t, o.PlainHTTP || loopback(host) && !trust, nil
}

func (o TLSOptions) certsDirs() []string {
	if o.CertsDir != "" {
		return []string{o.CertsDir}
	}
	dirs := []string{"/etc/containers/certs.d", "/etc/docker/certs.d"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append([]string{filepath.Join(home, ".config", "containers", "certs.d")}, dirs...)
	}
	return dirs
}

// addCertsDir reads the first certs.d that has the host.
func (o TLSOptions) addCertsDir(config *tls.Config, host string) (found bool, err error) {
	for _, dir := range o.certsDirs() {
		dir = filepath.Join(dir, host)
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue
		}
		if err != nil {
			return false, err
		}
		for _, e := range entries {
			if err := addCertFile(config, filepath.Join(dir, e.Name())); err != nil {
				return false, err
			}
		}
		return len(entries) > 0, nil
	}
	return false, nil
}

func addCertFile(config *tls.Config, file string) error {
	base, ext := strings.TrimSuffix(file, filepath.Ext(file)), filepath.Ext(file)
	switch ext {
	case ".crt":
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
	case ".cert":
		cert, err := tls.LoadX509KeyPair(file, base+".key")
		if err != nil {
			return fmt.Errorf("client certificate %s: %w", file, err)
		}
		config.Certificates = append(config.Certificates, cert)
	}
	return nil
}
