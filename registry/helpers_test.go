package registry_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/registry"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/require"
)

func pushBlob(t testing.TB, c ociregistry.Interface, repo, content string) ociregistry.Descriptor {
	t.Helper()
	desc := ociregistry.Descriptor{
		MediaType: ocispec.MediaTypeImageLayer, Digest: digest.FromString(content), Size: int64(len(content)),
	}
	_, err := c.PushBlob(context.Background(), repo, desc, strings.NewReader(content))
	require.NoError(t, err)
	return desc
}

// imageManifest is the manifest of an image with an empty config.
func imageManifest(config ociregistry.Descriptor, layers ...ociregistry.Descriptor) ocispec.Manifest {
	config.MediaType = ocispec.MediaTypeImageConfig
	m := ocispec.Manifest{MediaType: ocispec.MediaTypeImageManifest, Config: config, Layers: layers}
	m.SchemaVersion = 2
	return m
}

func pushManifest(t testing.TB, c ociregistry.Interface, repo, tag, mediaType string, m any) ociregistry.Descriptor {
	t.Helper()
	data, err := json.Marshal(m)
	require.NoError(t, err)
	desc, err := c.PushManifest(context.Background(), repo, tag, data, mediaType)
	require.NoError(t, err)
	return desc
}

func pushImage(t testing.TB, c ociregistry.Interface, repo, tag string, layers ...string) ociregistry.Descriptor {
	t.Helper()
	var descs []ociregistry.Descriptor
	for _, l := range layers {
		descs = append(descs, pushBlob(t, c, repo, l))
	}
	m := imageManifest(pushBlob(t, c, repo, "{}"), descs...)
	return pushManifest(t, c, repo, tag, m.MediaType, m)
}

func getBlob(t testing.TB, c ociregistry.Interface, repo string, d ociregistry.Digest) string {
	t.Helper()
	r, err := c.GetBlob(context.Background(), repo, d)
	require.NoError(t, err)
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	return string(data)
}

// answer is what a server said.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request as it stands, with headers given as NAME, VALUE pairs.
func do(t testing.TB, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(data)}
}

// sum is the sha256 digest of content.
func sum(content string) string { return digest.FromString(content).String() }

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

// otherPool has an authority that signed nothing.
func otherPool(t *testing.T) *x509.CertPool {
	t.Helper()
	other, err := registry.Serve(registry.ServerOptions{}, registry.ServeOptions{TLS: true})
	require.NoError(t, err)
	require.NoError(t, other.Close())
	return other.CertPool()
}
