package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/opencontainers/go-digest"

	"github.com/caisson-dev/caisson/agent/internal/images/layer"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
)

// incoming is a layer that is unpacked while it comes from a registry or an archive, and checked by both its digests.
type incoming struct {
	*wanted
	ctx    context.Context
	try    *attempt
	blob   func() (io.ReadCloser, error)
	remote bool // it comes from a registry
	stream *stream
	sum    digest.Digester // of the compressed bytes
}

// Open asks for the blob; the wait for the answer counts as a stall too.
func (in *incoming) Open() (io.ReadCloser, error) {
	n := in.try.wait()
	rc, err := in.blob()
	in.try.end(n)
	if err != nil {
		return nil, err
	}
	in.stream, in.sum = &stream{r: rc, try: in.try, digest: in.info.Digest.String(), size: in.info.Size}, digest.Canonical.Digester()
	return struct {
		io.Reader
		io.Closer
	}{io.TeeReader(io.LimitReader(in.stream, in.info.Size+1), in.sum.Hash()), rc}, nil
}

// Check compares sizes and digests. What is left is read in any case but a full disk: a digest that does not match
// explains what could not be read. If the connection broke, nothing is known of the rest.
func (in *incoming) Check(left *bufio.Reader, got layer.Unpacked, err error) error {
	if errors.Is(err, api.ErrNoSpace) {
		return err
	}
	var rest error
	if in.stream.broke == nil {
		_, rest = io.Copy(io.Discard, left)
		err = errors.Join(err, rest)
	}
	if in.ctx.Err() != nil {
		return context.Cause(in.ctx)
	}
	if in.stream.broke != nil && in.remote {
		return in.stream.broken()
	}
	if sum := in.sum.Digest(); rest == nil && in.stream.broke == nil && sum != in.info.Digest {
		return api.Errorf(api.ErrDigestMismatch, "Digest did not match, expected %s, got %s: the content is damaged, or was damaged on its way", in.info.Digest, sum)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return api.Errorf(api.ErrCorrupt, "%s: the layer was made incomplete: the image is broken", err) // and another attempt is no use
	}
	if err != nil {
		return err
	}
	if n := in.stream.n; n != in.info.Size {
		return api.Errorf(api.ErrCorrupt, "the manifest says that the layer has %d bytes, and it has %d: the image is broken", in.info.Size, n)
	}
	if got.DiffID != in.diffID {
		return api.Errorf(api.ErrDigestMismatch, "Digest did not match: the configuration says %s, the layer has %s unpacked: the image is broken", in.diffID, got.DiffID)
	}
	in.compression = compressionOf(in.stream.head)
	in.stream.finish()
	return nil
}

// stream is a blob that is read: it reports how far, and that it waits.
type stream struct {
	r      io.Reader
	try    *attempt
	digest string
	size   int64

	n     int64
	broke error  // what ended it before its end
	head  []byte // the first bytes, by which a compression is known
	last  time.Time
}

func (r *stream) Read(p []byte) (int, error) {
	w := r.try.wait()
	n, err := r.r.Read(p)
	r.try.end(w)
	r.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.broke = err
	}
	if missing := magicSize - len(r.head); missing > 0 {
		r.head = append(r.head, p[:min(n, missing)]...)
	}
	if now := time.Now(); now.Sub(r.last) > progressInterval && r.n <= r.size {
		r.last = now
		r.try.tell(image.Progress{Digest: r.digest, Phase: image.PhaseDownload, Current: r.n, Total: r.size})
		r.try.tell(image.Progress{Digest: r.digest, Phase: image.PhaseExtract, Current: max(0, r.n-layer.ReadAhead), Total: r.size})
	}
	return n, err
}

// broken is why the registry's bytes ended early.
func (r *stream) broken() error {
	return &broken{fmt.Errorf("the connection broke after %d of %d bytes: %w", r.n, r.size, r.broke)}
}

// finish reports that all bytes came and are unpacked: one pass does both, up to what is read ahead.
func (r *stream) finish() {
	for _, phase := range []image.Phase{image.PhaseDownload, image.PhaseExtract} {
		r.try.tell(image.Progress{Digest: r.digest, Phase: phase, Current: r.size, Total: r.size, Done: true})
	}
}
