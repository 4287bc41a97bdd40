package registry

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"

	"cuelabs.dev/go/oci/ociregistry/ociauth"
	"github.com/opencontainers/go-digest"
)

// download reads a blob, goes on where a cut connection ended, and checks the digest before it reports the end.
type download struct {
	ctx      context.Context // a reader's life
	conn     *conn
	repo     string
	digest   digest.Digest
	retry    RetryOptions
	body     io.ReadCloser
	sum      hash.Hash
	offset   int64
	size     int64
	failures int // since the last byte
}

// blob opens a blob. Its size is known once it is open.
func (c *conn) blob(ctx context.Context, repo string, d digest.Digest, retry RetryOptions) (*download, error) {
	if err := d.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalidReference, err)
	}
	b := &download{ctx: ctx, conn: c, repo: repo, digest: d, retry: retry.withDefaults(), sum: d.Algorithm().Hash(), size: -1}
	return b, b.open()
}

func (b *download) open() error {
	scope := ociauth.ResourceScope{ResourceType: ociauth.TypeRepository, Resource: b.repo, Action: ociauth.ActionPull}
	ctx := ociauth.ContextWithRequestInfo(b.ctx, ociauth.RequestInfo{RequiredScope: ociauth.NewScope(scope)})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.conn.base+"/v2/"+b.repo+"/blobs/"+string(b.digest), nil)
	if err != nil {
		return err
	}
	if b.offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", b.offset))
	}
	resp, err := b.conn.http.Do(req)
	if err != nil {
		return err
	}
	switch {
	case resp.StatusCode == http.StatusPartialContent && b.offset > 0:
	case resp.StatusCode == http.StatusOK:
		b.size = resp.ContentLength
		if _, err := io.CopyN(io.Discard, resp.Body, b.offset); err != nil { // it knows no ranges
			return errors.Join(err, resp.Body.Close())
		}
	default:
		return errors.Join(responseError(resp), resp.Body.Close())
	}
	b.body = resp.Body
	return nil
}

// Read implements io.Reader.
func (b *download) Read(p []byte) (int, error) {
	for {
		n, err := b.body.Read(p)
		b.sum.Write(p[:n])
		b.offset += int64(n)
		if n > 0 {
			b.failures = 0
			return n, nil
		}
		if err == nil {
			continue
		}
		if errors.Is(err, io.EOF) && (b.size < 0 || b.offset == b.size) {
			return 0, b.verify()
		}
		if err := b.resume(err); err != nil {
			return 0, err
		}
	}
}

func (b *download) verify() error {
	if got := digest.NewDigest(b.digest.Algorithm(), b.sum); got != b.digest {
		return fmt.Errorf("blob %s: %w: the content has %s", b.digest, ErrDigestMismatch, got)
	}
	return io.EOF
}

func (b *download) resume(err error) error {
	_ = b.body.Close()
	for {
		b.failures++
		if b.failures >= b.retry.Attempts || !transient(err) || b.ctx.Err() != nil {
			return fmt.Errorf("blob %s, after %d bytes: %w", b.digest, b.offset, err)
		}
		wait, _ := b.retry.wait(b.failures, nil)
		if err := pause(b.ctx, wait); err != nil {
			return err
		}
		if err = b.open(); err == nil {
			return nil
		}
	}
}

// Close implements io.Closer.
func (b *download) Close() error { return b.body.Close() }
