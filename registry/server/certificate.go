package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log"
	"log/slog"
	"math/big"
	"net"
	"os"
	"time"
)

// authority is a certificate authority that was made to sign one certificate.
type authority struct {
	pool *x509.CertPool
	pem  []byte
}

// certLife is the life of a certificate made for the occasion: a registry of a team may run for months.
const certLife = 365 * 24 * time.Hour

func serverTLS(config *tls.Config, addr string) (*tls.Config, authority, error) {
	if config != nil {
		config = config.Clone()
		if len(config.Certificates) > 0 || config.GetCertificate != nil || config.GetConfigForClient != nil {
			return config, authority{}, nil
		}
	} else {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	cert, ca, err := makeCertificate(addr)
	if err != nil {
		return nil, ca, fmt.Errorf("serve registry: make certificate: %w", err)
	}
	config.Certificates = []tls.Certificate{cert}
	return config, ca, nil
}

// makeCertificate makes an authority, whose key is dropped, and a certificate for addr and for localhost.
func makeCertificate(addr string) (tls.Certificate, authority, error) {
	var none tls.Certificate
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return none, authority{}, err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "caisson registry authority"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certLife), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return none, authority{}, err
	}
	if ca, err = x509.ParseCertificate(caDER); err != nil {
		return none, authority{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return none, authority{}, err
	}
	leaf := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "caisson registry"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	leaf.DNSNames, leaf.IPAddresses = subjects(addr)
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return none, authority{}, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	caPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, authority{pool: pool, pem: caPEM}, nil
}

func serial() *big.Int {
	n, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)) // never fails since Go 1.24
	return n
}

func subjects(addr string) (names []string, ips []net.IP) {
	names = []string{"localhost"}
	if host, err := os.Hostname(); err == nil {
		names = append(names, host)
	}
	ips = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if host, _, err := net.SplitHostPort(addr); err == nil {
		if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
			ips = append(ips, ip)
		}
	}
	return names, ips
}

// errorLog sends what net/http says of connections to the logger, at level debug: a client that gave up is not an error.
func errorLog(l *slog.Logger) *log.Logger {
	if l == nil {
		return slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	}
	return slog.NewLogLogger(l.Handler(), slog.LevelDebug)
}
