package server_test

import (
	"encoding/json"
	"io"
	"testing"

	"cuelabs.dev/go/oci/ociregistry"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}

func readManifest(t testing.TB, r ociregistry.BlobReader) (m ocispec.Manifest) {
	t.Helper()
	require.NoError(t, json.NewDecoder(r).Decode(&m))
	require.NoError(t, r.Close())
	return m
}

// newHangingBody gives its content and then nothing, until hang is called.
func newHangingBody(content string) (body io.Reader, hang func()) {
	r, w := io.Pipe()
	go func() { _, _ = io.WriteString(w, content) }()
	return r, func() { _ = w.Close() }
}
