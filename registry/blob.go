package registry

import (
	"context"
	"fmt"
	"io"
)

// Blob is an open download of a blob: an io.ReadCloser that knows the digest and the size. The caller closes it.
type Blob struct {
	// Digest is what the content is checked against.
	Digest string

	// Size is the number of bytes; -1 when the registry does not say.
	Size int64

	name    string
	content *download
}

// Blob opens a blob for reading, such as a layer, a configuration or the content of an artifact: "quay.io/team/app@" and
// its digest. If the connection is cut, Read connects again and goes on where it was. Read returns io.EOF only when all bytes
// have come and their digest is right. The download ends when ctx does.
//
// Errors, of Blob and of Read: ErrInvalidReference, ErrNotFound, ErrDigestMismatch, ErrUnauthorized, ErrDenied,
// ErrRateLimited, and ErrUnreachable, also when the connection is cut in every attempt.
func (c *Client) Blob(ctx context.Context, ref string) (*Blob, error) {
	r, err := parseRepository(ref)
	if err == nil && (r.tag != "" || r.digest == "") {
		err = fmt.Errorf("%w: %q: a blob is named by REPOSITORY@DIGEST", ErrInvalidReference, ref)
	}
	if err != nil {
		return nil, fmt.Errorf("read blob: %w", err)
	}
	conn, err := c.conn(ctx, r.host, r.repo)
	if err != nil {
		return nil, clientError("read blob", r.String(), err)
	}
	content, err := conn.blob(ctx, r.repo, r.digest, c.o.Retry)
	if err != nil {
		return nil, clientError("read blob", r.String(), err)
	}
	return &Blob{Digest: string(r.digest), Size: content.size, name: r.String(), content: content}, nil
}

// Read implements io.Reader.
func (b *Blob) Read(p []byte) (int, error) {
	n, err := b.content.Read(p)
	if err == nil || err == io.EOF { // readers return it bare
		return n, err
	}
	return n, clientError("read blob", b.name, err)
}

// Close ends the download.
func (b *Blob) Close() error { return b.content.Close() }
