package certs

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := For(t.Context(), dir, "db", "10.0.0.7")
	require.NoError(t, err)
	block, _ := pem.Decode(c.Cert)
	leaf, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	for _, name := range []string{"db", "10.0.0.7", "localhost", "127.0.0.1", "::1"} {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: c.Pool(), DNSName: name})
		assert.NoError(t, err, name)
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: c.Pool(), DNSName: "cache"})
	require.Error(t, err)
	b, err := os.ReadFile(c.CAFile)
	require.NoError(t, err)
	assert.Equal(t, c.CA, b)

	again, err := For(t.Context(), dir, "10.0.0.7", "db", "db")
	require.NoError(t, err)
	assert.Equal(t, c, again, "the same names have the same certificate")
	other, err := For(t.Context(), dir, "cache")
	require.NoError(t, err)
	assert.NotEqual(t, c.Cert, other.Cert)

	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(c.CAFile), fileKey), other.Key, 0o600))
	mended, err := For(t.Context(), dir, "db", "10.0.0.7")
	require.NoError(t, err)
	assert.True(t, mended.valid([]string{"db", "10.0.0.7"}, time.Now()), "a key of another certificate is not given")
	assert.False(t, mended.valid([]string{"db"}, time.Now().Add(life-time.Hour)), "nor one that ends soon")
}

func TestForNoDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := For(t.Context(), dir)
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Dir(c.CAFile)))
	require.NoError(t, os.WriteFile(filepath.Dir(c.CAFile), nil, 0o600))
	_, err = For(t.Context(), dir)
	require.ErrorContains(t, err, "certificates of tests: ")
}
