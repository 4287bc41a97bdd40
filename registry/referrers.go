package registry

import (
	"context"
	"fmt"
	"iter"
)

// ReferrersOptions are the options of Referrers.
type ReferrersOptions struct {
	// ArtifactType lists those of one type only.
	ArtifactType string
}

// Referrers lists the manifests whose subject is what a reference names: signatures, SBOMs, attestations (OCI
// distribution spec, "Listing Referrers"; the referrers tag schema where the registry has no such API). An error ends the
// list.
//
// Errors: ErrInvalidReference, ErrNotFound when a tag names no manifest, ErrUnauthorized, ErrDenied, ErrRateLimited and
// ErrUnreachable.
func (c *Client) Referrers(ctx context.Context, ref string, o ReferrersOptions) iter.Seq2[Descriptor, error] {
	return func(yield func(Descriptor, error) bool) {
		r, conn, err := c.reference(ctx, ref)
		if err != nil {
			yield(Descriptor{}, fmt.Errorf("list referrers: %w", err))
			return
		}
		if r.digest == "" {
			desc, err := conn.resolve(ctx, r)
			if err != nil {
				yield(Descriptor{}, clientError("list referrers of", r.String(), err))
				return
			}
			r.digest = desc.Digest
		}
		for desc, err := range conn.Referrers(ctx, r.repo, r.digest, o.ArtifactType) {
			if !yield(newDescriptor(desc), clientError("list referrers of", r.String(), err)) || err != nil {
				return
			}
		}
	}
}
