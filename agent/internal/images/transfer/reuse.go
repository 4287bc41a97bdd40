package transfer

import (
	"bytes"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/pkg/blobinfocache"
	"go.podman.io/image/v5/pkg/blobinfocache/none"
	"go.podman.io/image/v5/types"
)

// The names that upstream has for what it can put into a manifest.
const (
	compressedNot  = "uncompressed"
	compressedGzip = "gzip"
	compressedZstd = "zstd"
)

// magicSize is how many bytes tell a compression.
const magicSize = 4

// compressionOf looks at how a layer begins. It is empty for what no manifest can say.
func compressionOf(head []byte) string {
	switch {
	case len(head) < magicSize, bytes.HasPrefix(head, []byte("BZh")), bytes.HasPrefix(head, []byte("\xfd7zX")):
		return ""
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return compressedGzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return compressedZstd
	}
	return compressedNot
}

// openBlobCache opens upstream's notes of which blobs are the same layer, and which registry has them. A push looks there
// for what it need not send.
func openBlobCache(sc *types.SystemContext) (cache types.BlobInfoCache, done func()) {
	cache = blobinfocache.DefaultCache(sc)
	full, ok := sameType(none.NoCache, cache)
	if !ok {
		return cache, func() {}
	}
	full.Open()
	return cache, full.Close
}

// remember notes of a layer what upstream's copy would note, had it brought it: so what is pulled, or built on that, is
// pushed to the same registry without its bytes. Both digests and the compression are verified.
func (l *wanted) remember() {
	l.cache.RecordDigestUncompressedPair(l.info.Digest, l.diffID)
	if l.compression != "" {
		recordCompression(l.cache, l.info.Digest, l.compression)
	}
}

// recordCompression notes how a blob is compressed.
func recordCompression(cache types.BlobInfoCache, d digest.Digest, name string) {
	full, ok := sameType(none.NoCache, cache)
	if !ok {
		return
	}
	full.RecordDigestCompressorData(d, struct {
		BaseVariantCompressor      string
		SpecificVariantCompressor  string
		SpecificVariantAnnotations map[string]string
	}{BaseVariantCompressor: name, SpecificVariantCompressor: "unknown"})
}

// sameType asserts that v has the type of like: an interface that upstream exports a value of, but not its name. When
// upstream changes it, this no longer compiles.
func sameType[T any](like T, v any) (T, bool) {
	_ = like
	t, ok := v.(T)
	return t, ok
}
