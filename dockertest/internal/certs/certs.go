// Package certs makes certificates for servers of tests. They are kept in a directory, so that the same names have the same
// certificate in each test binary and each run: a container that is reused, or a template of containers, has it too.
//
// It touches the directory that it is given and nothing else.
package certs

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caisson-dev/caisson/internal/atomicfile"
	"github.com/caisson-dev/caisson/internal/flock"
)

// Cert is a certificate of a server, its key, and the certificate of the authority that has signed it, in PEM.
type Cert struct {
	CA, Cert, Key []byte
	CAFile        string // that has CA
}

// life is how long a certificate is valid, and spare how much of that it must have left to be given.
const life, spare = 10 * 365 * 24 * time.Hour, 30 * 24 * time.Hour

// local are the names by which this machine and a container itself reach it.
var local = []string{"localhost", "127.0.0.1", "::1", "host.docker.internal"}

// For returns the certificate for a server that is reached by the names, host names or addresses, and on this machine. It is
// made where the directory has none for these names, or one that ends within 30 days.
func For(ctx context.Context, dir string, names ...string) (*Cert, error) {
	names = slices.Sorted(slices.Values(append(slices.Clone(names), local...)))
	names = slices.Compact(names)
	dir = filepath.Join(dir, fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(names, "\n"))))[:16])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("certificates of tests: %w", err)
	}
	l, err := flock.Acquire(ctx, filepath.Join(dir, "lock"), flock.Exclusive)
	if err != nil {
		return nil, fmt.Errorf("certificates of tests: %w", err)
	}
	defer l.Unlock()
	c, err := read(dir)
	if err == nil && c.valid(names, time.Now()) {
		return c, nil
	}
	if c, err = generate(names, time.Now()); err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{fileCA: c.CA, fileCert: c.Cert, fileKey: c.Key} {
		if err := atomicfile.Write(filepath.Join(dir, name), data, atomicfile.Options{Perm: 0o644}); err != nil {
			return nil, fmt.Errorf("certificates of tests: %w", err)
		}
	}
	c.CAFile = filepath.Join(dir, fileCA)
	return c, nil
}

const fileCA, fileCert, fileKey = "ca.pem", "server.pem", "server.key"

func read(dir string) (*Cert, error) {
	c := &Cert{CAFile: filepath.Join(dir, fileCA)}
	for name, to := range map[string]*[]byte{fileCA: &c.CA, fileCert: &c.Cert, fileKey: &c.Key} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		*to = b
	}
	return c, nil
}

// valid says whether the parts belong together, for all names, and will for some time.
func (c *Cert) valid(names []string, now time.Time) bool {
	pair, err := tls.X509KeyPair(c.Cert, c.Key)
	if err != nil {
		return false
	}
	for _, name := range names {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: c.Pool(), DNSName: name, CurrentTime: now.Add(spare)})
		if err != nil {
			return false
		}
	}
	return true
}

// Pool has the authority.
func (c *Cert) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(c.CA)
	return pool
}

func generate(names []string, now time.Time) (*Cert, error) {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "caisson tests"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(life),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &Cert{CA: block("CERTIFICATE", caDER), Cert: block("CERTIFICATE", der), Key: block("PRIVATE KEY", keyDER)}, nil
}

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
