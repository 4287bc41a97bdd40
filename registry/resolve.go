package registry

import (
	"context"
	"fmt"

	"cuelabs.dev/go/oci/ociregistry"
)

// Resolve finds the digest of what a reference names, without reading it. A reference without a tag and a digest has the
// tag latest.
//
// Errors: ErrInvalidReference, ErrNotFound, ErrUnauthorized, ErrDenied, ErrRateLimited and ErrUnreachable.
func (c *Client) Resolve(ctx context.Context, ref string) (Descriptor, error) {
	r, conn, err := c.reference(ctx, ref)
	if err != nil {
		return Descriptor{}, fmt.Errorf("resolve: %w", err)
	}
	desc, err := conn.resolve(ctx, r)
	return newDescriptor(desc), clientError("resolve", r.String(), err)
}

func (c *conn) resolve(ctx context.Context, r reference) (ociregistry.Descriptor, error) {
	if r.digest != "" {
		return c.ResolveManifest(ctx, r.repo, r.digest)
	}
	return c.ResolveTag(ctx, r.repo, r.tag)
}
