package server_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/registry/internal/registrytest"
	"github.com/caisson-dev/caisson/registry/server"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func startUpload(t *testing.T, reg *server.Serving, repo string) string {
	t.Helper()
	a := registrytest.Do(t, "POST", reg.URL+"/v2/"+repo+"/blobs/uploads/", "")
	require.Equal(t, http.StatusAccepted, a.Status, a.Body)
	return reg.URL + a.Header.Get("Location")
}

func TestUploadRanges(t *testing.T) {
	content := "0123456789"
	for _, test := range []struct {
		name         string
		contentRange string
		body         string
		status       int
	}{
		{"next byte", "5-5", "5", 202},
		{"rest", "5-9", "56789", 202},
		{"no range appends", "", "56789", 202},
		{"bytes prefix", "bytes 5-9/10", "56789", 202},
		{"gap", "7-9", "789", 416},
		{"overlap", "4-9", "456789", 416},
		{"length differs", "5-8", "56789", 400},
		{"not a range", "five", "56789", 400},
		{"backwards", "9-5", "56789", 400},
		{"negative", "-5-9", "56789", 400},
		{"overflow", "5-99999999999999999999", "56789", 400},
	} {
		t.Run(test.name, func(t *testing.T) {
			registrytest.Stores(t, func(t *testing.T, o server.Options) {
				reg := registrytest.Serve(t, o)
				at := startUpload(t, reg, "app")
				require.Equal(t, 202, registrytest.Do(t, "PATCH", at, content[:5]).Status)
				a := registrytest.Do(t, "PATCH", at, test.body, "Content-Range", test.contentRange)
				assert.Equal(t, test.status, a.Status, a.Body)
				size := 5
				if test.status == 202 {
					size += len(test.body)
				}
				info := registrytest.Do(t, "GET", at, "")
				assert.Equal(t, 204, info.Status)
				assert.Equal(t, fmt.Sprintf("0-%d", size-1), info.Header.Get("Range"))
			})
		})
	}
}

func TestUploadErrors(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		o.Limits = server.Limits{BlobBytes: 10, ManifestBytes: 100}
		reg := registrytest.Serve(t, o)
		at := startUpload(t, reg, "app")

		secret := "secret1234"
		a := registrytest.Do(t, "PUT", at+"?digest="+registrytest.Sum("other"), secret)
		assert.Equal(t, 400, a.Status)
		assert.Contains(t, a.Body, "DIGEST_INVALID")
		assert.NotContains(t, a.Body, secret, "the error must not repeat the content")
		assert.Equal(t, 404, registrytest.Do(t, "GET", at, "").Status, "a mismatch ends the upload")

		assert.Equal(t, 413, registrytest.Do(t, "POST", reg.URL+"/v2/app/blobs/uploads/?digest="+registrytest.Sum("01234567890"), "01234567890").Status)
		at = startUpload(t, reg, "app")
		assert.Equal(t, 202, registrytest.Do(t, "PATCH", at, "0123456789").Status)
		assert.Equal(t, 413, registrytest.Do(t, "PATCH", at, "x").Status, "the limit counts the chunks together")
		assert.Equal(t, 201, registrytest.Do(t, "PUT", at+"?digest="+registrytest.Sum("0123456789"), "").Status)
		assert.Equal(t, 413, registrytest.Do(t, "PUT", reg.URL+"/v2/app/manifests/1", strings.Repeat(" ", 101)).Status)

		at = startUpload(t, reg, "app")
		assert.Equal(t, 404, registrytest.Do(t, "PATCH", strings.Replace(at, "/app/", "/other/", 1), "x").Status, "an upload is its repository's")
		assert.Equal(t, 204, registrytest.Do(t, "DELETE", at, "").Status)
		assert.Equal(t, 404, registrytest.Do(t, "DELETE", at, "").Status)
		assert.Equal(t, 404, registrytest.Do(t, "PATCH", at, "x").Status)
	})
}

func TestUploadSurvivesRestart(t *testing.T) {
	dir := t.TempDir()
	first := registrytest.Serve(t, server.Options{Dir: dir})
	at := startUpload(t, first, "app")
	require.Equal(t, 202, registrytest.Do(t, "PATCH", at, "hello ").Status)

	second := registrytest.Serve(t, server.Options{Dir: dir})
	at = strings.Replace(at, first.URL, second.URL, 1)
	require.Equal(t, "0-5", registrytest.Do(t, "GET", at, "").Header.Get("Range"))
	require.Equal(t, 202, registrytest.Do(t, "PATCH", at, "world", "Content-Range", "6-10").Status)
	// The first process has hashed the first chunk only, and must notice that there is more.
	at = strings.Replace(at, second.URL, first.URL, 1)
	require.Equal(t, 201, registrytest.Do(t, "PUT", at+"?digest="+registrytest.Sum("hello world!"), "!").Status)
	assert.Equal(t, "hello world!", registrytest.GetBlob(t, registrytest.Dial(t, second.Addr), "app", digest.FromString("hello world!")))
}

func TestManifestErrors(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		c := registrytest.Dial(t, reg.Addr)
		registrytest.PushBlob(t, c, "app", "{}")
		good := fmt.Sprintf(`{"schemaVersion":2,"config":{"mediaType":"x/y","digest":%q,"size":2},"layers":[]}`, registrytest.Sum("{}"))
		lost := strings.Replace(good, `"layers":[]`, fmt.Sprintf(`"layers":[{"mediaType":"x/y","digest":%q,"size":4}]`, registrytest.Sum("lost")), 1)
		index := fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":"x/y","digest":%q,"size":4}]}`, registrytest.Sum("lost"))
		for _, test := range []struct {
			name, mediaType, body string
			status                int
			code                  string
		}{
			{"good", ocispec.MediaTypeImageManifest, good, 201, ""},
			{"no media type", "", good, 201, ""},
			{"media type with parameter", ocispec.MediaTypeImageManifest + "; charset=utf-8", good, 201, ""},
			{"layer missing", ocispec.MediaTypeImageManifest, lost, 404, "MANIFEST_BLOB_UNKNOWN"},
			{"child missing", ocispec.MediaTypeImageIndex, index, 404, "MANIFEST_BLOB_UNKNOWN"},
			{"not JSON", ocispec.MediaTypeImageManifest, "{", 400, "MANIFEST_INVALID"},
			{"empty", ocispec.MediaTypeImageManifest, "", 400, "MANIFEST_INVALID"},
			{"array", ocispec.MediaTypeImageManifest, "[]", 400, "MANIFEST_INVALID"},
			{"no config", ocispec.MediaTypeImageManifest, `{"schemaVersion":2}`, 400, "MANIFEST_INVALID"},
			{"schema 1", ocispec.MediaTypeImageManifest, strings.Replace(good, ":2", ":1", 1), 400, "MANIFEST_INVALID"},
			{"traversal in a digest", ocispec.MediaTypeImageManifest, strings.Replace(good, registrytest.Sum("{}"), "sha256:../../../../etc/passwd", 1), 400, "MANIFEST_INVALID"},
			{"unknown media type", "text/plain", good, 400, "MANIFEST_INVALID"},
			{"media types differ", ocispec.MediaTypeImageIndex, `{"schemaVersion":2,"mediaType":"` + ocispec.MediaTypeImageManifest + `"}`, 400, "MANIFEST_INVALID"},
		} {
			a := registrytest.Do(t, "PUT", reg.URL+"/v2/app/manifests/tag", test.body, "Content-Type", test.mediaType)
			assert.Equal(t, test.status, a.Status, "%s: %s", test.name, a.Body)
			assert.Contains(t, a.Body, test.code, test.name)
		}
		a := registrytest.Do(t, "PUT", reg.URL+"/v2/app/manifests/"+registrytest.Sum("other"), good, "Content-Type", ocispec.MediaTypeImageManifest)
		assert.Equal(t, 400, a.Status)
		assert.Contains(t, a.Body, "DIGEST_INVALID")
	})
}

func TestHugeManifestIsRefusedUnread(t *testing.T) {
	reg := registrytest.Serve(t, server.Options{})
	a := registrytest.Do(t, "PUT", reg.URL+"/v2/app/manifests/1", strings.Repeat("x", 100<<20), "Expect", "100-continue")
	assert.Equal(t, 413, a.Status)
	for _, r := range reg.Requests() {
		assert.Less(t, r.BytesIn, int64(5<<20))
	}
}

func TestMountNeedsNoContent(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		c := registrytest.Dial(t, reg.Addr)
		desc := registrytest.PushBlob(t, c, "base", "layer")
		reg.ResetRequests()
		_, err := c.MountBlob(context.Background(), "base", "app", desc.Digest)
		require.NoError(t, err)
		for _, r := range reg.Requests() {
			assert.Zero(t, r.BytesIn)
		}
		assert.Equal(t, "layer", registrytest.GetBlob(t, c, "app", desc.Digest))
		_, err = c.MountBlob(context.Background(), "base", "app", digest.FromString("lost"))
		require.ErrorIs(t, err, ociregistry.ErrUnsupported, "an upload begins instead")
	})
}

func TestParallelPushesAndPulls(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		reg := registrytest.Serve(t, o)
		shared := strings.Repeat("shared layer ", 10_000)
		var wg sync.WaitGroup
		for i := range 64 {
			wg.Go(func() {
				c := registrytest.Dial(t, reg.Addr)
				own := strings.Repeat(fmt.Sprint("layer ", i, " "), 5_000)
				tag := fmt.Sprint("v", i%8)
				desc := registrytest.PushImage(t, c, "app", tag, shared, own)
				assert.Equal(t, own, registrytest.GetBlob(t, c, "app", digest.FromString(own)))
				r, err := c.GetManifest(context.Background(), "app", desc.Digest)
				if assert.NoError(t, err) {
					assert.NoError(t, r.Close())
				}
			})
		}
		wg.Wait()
		tags, err := ociregistry.All(registrytest.Dial(t, reg.Addr).Tags(context.Background(), "app", ""))
		require.NoError(t, err)
		assert.Len(t, tags, 8)
		for _, r := range reg.Requests() {
			assert.Less(t, r.Status, 500, "%s %s: %v", r.Method, r.Path, r.Err)
		}
	})
}

func TestSlowClientIsCutOff(t *testing.T) {
	registrytest.Stores(t, func(t *testing.T, o server.Options) {
		o.Limits.Stall = 30 * time.Millisecond
		reg := registrytest.Serve(t, o)
		at := startUpload(t, reg, "app")
		body, hang := newHangingBody("0123")
		defer hang()
		req, err := http.NewRequest(http.MethodPatch, at, body)
		require.NoError(t, err)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil {
			assert.Equal(t, 400, resp.StatusCode)
			require.NoError(t, resp.Body.Close())
		}
		assert.Equal(t, "0-3", registrytest.Do(t, "GET", at, "").Header.Get("Range"), "what came stays, and the upload can go on")
		assert.Equal(t, 201, registrytest.Do(t, "PUT", at+"?digest="+registrytest.Sum("01234567"), "4567").Status)
	})
}
