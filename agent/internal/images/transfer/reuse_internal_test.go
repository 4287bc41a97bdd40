package transfer

import (
	"path/filepath"
	"testing"

	"github.com/opencontainers/go-digest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.podman.io/image/v5/pkg/blobinfocache"
	"go.podman.io/image/v5/pkg/blobinfocache/none"
	"go.podman.io/image/v5/types"
)

func TestCompressionOf(t *testing.T) {
	for want, heads := range map[string][]string{
		compressedGzip: {"\x1f\x8b\x08\x00"},
		compressedZstd: {"\x28\xb5\x2f\xfd"},
		compressedNot:  {"etc/", "\x00\x00\x00\x00"},
		"":             {"", "abc", "BZh9", "\xfd7zX"},
	} {
		for _, h := range heads {
			assert.Equal(t, want, compressionOf([]byte(h)), "%q", h)
		}
	}
}

// The cache that upstream's copy uses has the methods that it looks for: what we note there a push finds.
func TestBlobCache(t *testing.T) {
	sc := &types.SystemContext{BlobInfoCacheDir: filepath.Join(t.TempDir(), "blobs")}
	cache, done := openBlobCache(sc)
	defer done()
	_, ok := sameType(none.NoCache, cache)
	require.True(t, ok, "%T", cache)

	compressed, diffID := digest.FromString("compressed"), digest.FromString("plain")
	l := &wanted{info: types.BlobInfo{Digest: compressed}, diffID: diffID, cache: cache, compression: compressedZstd}
	l.remember()
	assert.Equal(t, diffID, blobinfocache.DefaultCache(sc).UncompressedDigest(compressed))

	_, ok = sameType(none.NoCache, any(struct{}{}))
	assert.False(t, ok)
}
