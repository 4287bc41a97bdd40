//go:build linux

package image_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
	"github.com/caisson-dev/caisson/registry/server"
)

// authority is a private CA, and what it has signed.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a private CA"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{key, cert}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

// sign makes a certificate for 127.0.0.1, and its key.
func (a *authority) sign(t *testing.T) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "one"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &k.PublicKey, a.key)
	require.NoError(t, err)
	b, err := x509.MarshalPKCS8PrivateKey(k)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))
}

// serve serves a registry with a certificate of the authority, to clients that have one too or to all.
func (a *authority) serve(t *testing.T, reg *server.Server, auth tls.ClientAuthType) (addr string) {
	t.Helper()
	cert, err := tls.X509KeyPair(func() ([]byte, []byte) { c, k := a.sign(t); return []byte(c), []byte(k) }())
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	srv := httptest.NewUnstartedServer(reg)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, ClientAuth: auth, ClientCAs: pool}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are wanted
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String()
}

// TestCertificates has registries of a private CA, one of which wants a client's certificate, too. registries.conf gives
// them another name, since certificates of the loopback are not verified.
func TestCertificates(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	plain := serve(t, server.Options{}, server.ServeOptions{})
	open1, strict := ca.serve(t, plain.Server, tls.NoClientCert), ca.serve(t, plain.Server, tls.RequireAndVerifyClientCert)
	s := open(t)
	_, err := build(t, s, "FROM scratch\nCOPY f /f\n", image.BuildOptions{Tags: []string{"app:1"}}, map[string]string{"f": "x"})
	require.NoError(t, err)
	cert, key := ca.sign(t)

	dir := t.TempDir()
	for name, text := range map[string]string{"ca.crt": ca.pem(), "client.cert": cert, "client.key": key} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	at := image.Transport{CertDir: dir}
	_, err = s.Push(t.Context(), "app:1", image.PushOptions{Destination: strict + "/app:1", Transport: at})
	require.NoError(t, err)
	_, err = s.Pull(t.Context(), strict+"/app:1", image.PullOptions{Transport: at})
	require.NoError(t, err)
	_, err = s.Push(t.Context(), "app:1", image.PushOptions{Destination: strict + "/app:2", Transport: image.Transport{CertDir: t.TempDir()}})
	require.ErrorIs(t, err, image.ErrUnreachable)

	// What is in certs.d/HOST:PORT counts, of the user's directory as of the system's.
	certs := func(addr string, files map[string]string) map[string]string {
		config := map[string]string{"registries.conf": fmt.Sprintf("[[registry]]\nprefix = %q\nlocation = %q\n", "registry.invalid", addr)}
		for name, text := range files {
			config[filepath.Join("certs.d", addr, name)] = text
		}
		return config
	}
	insecure := certs(open1, nil)
	insecure["registries.conf"] += "insecure = true\n"
	for name, c := range map[string]struct {
		config map[string]string
		kind   string
		says   string
	}{
		"CA":                    {certs(open1, map[string]string{"ca.crt": ca.pem()}), "ok", ""},
		"CA and client":         {certs(strict, map[string]string{"ca.crt": ca.pem(), "me.cert": cert, "me.key": key}), "ok", ""},
		"none":                  {certs(open1, nil), "unreachable", "unknown authority"},
		"another CA":            {certs(open1, map[string]string{"ca.crt": other.pem()}), "unreachable", "unknown authority"},
		"insecure":              {insecure, "ok", ""},
		"no client certificate": {certs(strict, map[string]string{"ca.crt": ca.pem()}), "unreachable", "NAME.cert"},
		"without its key":       {certs(strict, map[string]string{"ca.crt": ca.pem(), "me.cert": cert}), "invalid", "me.key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := pullWith(t, c.config, "registry.invalid/app:1")
			require.Contains(t, out, "registry.invalid/app:1 -> "+c.kind+"\n")
			require.Contains(t, out, c.says)
		})
	}
}

// TestLoopbackCertificates: the loopback's registry may be anything, unless there is an authority for it. Package registry
// decides the same (TestTLS there).
func TestLoopbackCertificates(t *testing.T) {
	t.Parallel()
	ca, other := newAuthority(t), newAuthority(t)
	plain := serve(t, server.Options{}, server.ServeOptions{})
	secure := ca.serve(t, plain.Server, tls.NoClientCert)
	for name, c := range map[string]struct {
		addr string
		ca   *authority
		kind string
	}{
		"plain":                   {plain.Addr, nil, "not found"},
		"plain with an authority": {plain.Addr, ca, "unreachable"},
		"unverified":              {secure, nil, "not found"},
		"verified":                {secure, ca, "not found"},
		"not of the authority":    {secure, other, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := map[string]string{}
			if c.ca != nil {
				config[filepath.Join("certs.d", c.addr, "ca.crt")] = c.ca.pem()
			}
			require.Contains(t, pullWith(t, config, c.addr+"/none:1"), c.addr+"/none:1 -> "+c.kind+"\n")
		})
	}
}

// envEtc names a directory whose files a child sees in /etc, besides those that are there.
const envEtc = "CAISSON_TEST_ETC"

// overEtc is for a process in a mount namespace of its own: nobody else sees it.
func overEtc(dir string) error {
	return os.NewSyscallError("mount", syscall.Mount("overlay", "/etc", "overlay", syscall.MS_RDONLY, "lowerdir="+dir+":/etc"))
}

// TestSystemCertificates: certs.d of /etc/containers counts, then the one of /etc/docker.
func TestSystemCertificates(t *testing.T) {
	t.Parallel()
	testenv.Root(t)
	ca, other := newAuthority(t), newAuthority(t)
	addr := ca.serve(t, serve(t, server.Options{}, server.ServeOptions{}).Server, tls.NoClientCert)
	const containers, docker = "containers/certs.d", "docker/certs.d"
	for name, c := range map[string]struct {
		certs map[string]*authority
		kind  string
	}{
		"none":                       {nil, "unreachable"},
		"containers":                 {map[string]*authority{containers: ca}, "not found"},
		"docker":                     {map[string]*authority{docker: ca}, "not found"},
		"containers before docker":   {map[string]*authority{containers: ca, docker: other}, "not found"},
		"docker hidden by the other": {map[string]*authority{containers: other, docker: ca}, "unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			etc := t.TempDir()
			require.NoError(t, os.Chmod(etc, 0o755))
			for dir, a := range c.certs {
				require.NoError(t, os.MkdirAll(filepath.Join(etc, dir, addr), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(etc, dir, addr, "ca.crt"), []byte(a.pem()), 0o644))
			}
			// As in TestCertificates: under another name than the loopback's.
			conf := fmt.Sprintf("[[registry]]\nprefix = %q\nlocation = %q\n", "registry.invalid", addr)
			cmd := pullCommand(t, map[string]string{"registries.conf": conf}, "registry.invalid/none:1")
			cmd.Env = append(cmd.Env, envEtc+"="+etc)
			cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
			require.Contains(t, pulled(t, cmd), "registry.invalid/none:1 -> "+c.kind+"\n")
			require.NoDirExists(t, filepath.Join("/etc", containers, addr))
		})
	}
}
