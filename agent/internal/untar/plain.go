package untar

import (
	"bufio"
	"errors"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"go.podman.io/storage/pkg/archive"

	"github.com/caisson-dev/caisson/internal/api"
)

// Plain decompresses in if it is gzip'd, zstd'd, or compressed by bzip2 or xz: those are not in registries, but what
// root file systems and archives are packed with. What it returns reads until done is called.
func Plain(in *bufio.Reader) (plain io.Reader, done func(), err error) {
	magic, err := in.Peek(4)
	if len(magic) == 0 && errors.Is(err, io.EOF) {
		return in, func() {}, nil // nothing is a tar without entries, to most
	}
	if errors.Is(err, io.EOF) {
		return nil, nil, api.Errorf(api.ErrCorrupt, "tar: it has %d bytes", len(magic))
	}
	if err != nil {
		return nil, nil, err
	}
	switch {
	case magic[0] == 0x1f && magic[1] == 0x8b:
		z, err := gzip.NewReader(in)
		if errors.Is(err, io.EOF) {
			err = gzip.ErrHeader // cut off: EOF alone looks like a connection's
		}
		if err != nil {
			return nil, nil, api.Errorf(api.ErrCorrupt, "gzip: %w", err)
		}
		return z, func() {}, nil
	case slices.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	case string(magic[:3]) == "BZh", string(magic) == "\xfd7zX":
		z, err := archive.DecompressStream(in)
		if err != nil {
			return nil, nil, api.Errorf(api.ErrCorrupt, "decompress: %w", err)
		}
		return z, func() { _ = z.Close() }, nil // it has only read
	}
	return in, func() {}, nil
}
