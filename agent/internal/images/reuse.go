package images

import (
	"bufio"
	"reflect"
	"slices"

	"github.com/opencontainers/go-digest"
	"go.podman.io/image/v5/pkg/blobinfocache"
	"go.podman.io/image/v5/types"
)

// The names that upstream has for what it can put into a manifest.
const (
	compressedNot  = "uncompressed"
	compressedGzip = "gzip"
	compressedZstd = "zstd"
)

// compressionOf looks at how a layer begins. It is empty for what no manifest can say.
func compressionOf(in *bufio.Reader) string {
	magic, err := in.Peek(4)
	switch {
	case err != nil, string(magic[:3]) == "BZh", string(magic) == "\xfd7zX":
		return ""
	case magic[0] == 0x1f && magic[1] == 0x8b:
		return compressedGzip
	case slices.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return compressedZstd
	}
	return compressedNot
}

// openBlobCache opens upstream's notes of which blobs are the same layer, and which registry has them. A push looks there
// for what it need not send.
func openBlobCache(sc *types.SystemContext) (cache types.BlobInfoCache, done func()) {
	cache = blobinfocache.DefaultCache(sc)
	o, ok := cache.(interface {
		Open()
		Close()
	})
	if !ok {
		return cache, func() {}
	}
	o.Open()
	return cache, o.Close
}

// remember notes of a layer what upstream's copy would note, had it brought it: so what is pulled, or built on that, is
// pushed to the same registry without its bytes. Both digests and the compression are verified.
func (l *layer) remember() {
	l.cache.RecordDigestUncompressedPair(l.info.Digest, l.diffID)
	if l.compression != "" {
		recordCompression(l.cache, l.info.Digest, l.compression)
	}
}

// recordCompression calls a method that is exported, but has a parameter of a type that is internal to upstream.
func recordCompression(cache types.BlobInfoCache, d digest.Digest, name string) {
	record := reflect.ValueOf(cache).MethodByName("RecordDigestCompressorData")
	if !record.IsValid() || record.Type().NumIn() != 2 || record.Type().In(1).Kind() != reflect.Struct {
		return
	}
	data := reflect.New(record.Type().In(1)).Elem()
	for field, value := range map[string]string{"BaseVariantCompressor": name, "SpecificVariantCompressor": "unknown"} {
		f := data.FieldByName(field)
		if !f.IsValid() || f.Kind() != reflect.String {
			return
		}
		f.SetString(value)
	}
	record.Call([]reflect.Value{reflect.ValueOf(d), data})
}
