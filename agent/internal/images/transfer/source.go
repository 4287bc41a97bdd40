package transfer

import (
	"context"
	"io"
	"strings"
	"sync/atomic"

	is "go.podman.io/image/v5/storage"
	"go.podman.io/image/v5/types"

	"github.com/caisson-dev/caisson/agent/internal/images"
	"github.com/caisson-dev/caisson/agent/internal/images/layer"
)

// assembled is an image of the store to be copied out of it. Upstream's reads one layer after the other, each first into a
// temporary file, during which no process can change the store; this one reads where the files are, which the caller's
// shared lock keeps there.
type assembled struct {
	types.ImageReference
	layers *layer.Store
}

func (s *Service) imageOut(id string) (types.ImageReference, error) {
	ref, err := is.Transport.NewStoreReference(s.images.Storage(), nil, id)
	if err != nil {
		return nil, images.StoreError(id, err)
	}
	return assembled{ref, s.layers}, nil
}

func (a assembled) NewImageSource(ctx context.Context, sc *types.SystemContext) (types.ImageSource, error) {
	src, err := a.ImageReference.NewImageSource(ctx, sc)
	return assembledSource{src, a.layers}, err
}

type assembledSource struct {
	types.ImageSource
	layers *layer.Store
}

// GetBlob returns a layer as it was before it was unpacked. Whoever reads it compares the digest.
func (a assembledSource) GetBlob(ctx context.Context, info types.BlobInfo, cache types.BlobInfoCache) (io.ReadCloser, int64, error) {
	rc, size, err := a.layers.Assemble(info.Digest)
	if rc != nil || err != nil {
		return rc, size, err
	}
	return a.ImageSource.GetBlob(ctx, info, cache)
}

// ofStore explains the error of a copy whose source is the store: it is there that bytes are not what they were.
func ofStore(err error) error {
	if err != nil && strings.Contains(err.Error(), "Digest did not match") {
		return layer.Damaged(err)
	}
	return err
}

// counted is an image on its way to a registry: what is read of its blobs is counted.
type counted struct {
	types.ImageReference
	account *account
}

func (c counted) NewImageSource(ctx context.Context, sc *types.SystemContext) (types.ImageSource, error) {
	src, err := c.ImageReference.NewImageSource(ctx, sc)
	return countedSource{src, c.account}, err
}

type countedSource struct {
	types.ImageSource
	account *account
}

func (s countedSource) GetBlob(ctx context.Context, info types.BlobInfo, cache types.BlobInfoCache) (io.ReadCloser, int64, error) {
	rc, size, err := s.ImageSource.GetBlob(ctx, info, cache)
	n := s.account.counter(info.Digest.String())
	n.Store(0)
	return countedReader{rc, n}, size, err
}

type countedReader struct {
	io.ReadCloser
	n *atomic.Int64
}

func (r countedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.n.Add(int64(n))
	return n, err
}
