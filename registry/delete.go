package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cuelabs.dev/go/oci/ociregistry"
	"github.com/caisson-dev/caisson/internal/api"
)

// Delete deletes a tag ("quay.io/team/app:1"), or a manifest with all its tags ("quay.io/team/app@sha256:…"). A reference
// that has neither a tag nor a digest is refused; it does not mean the tag latest. If the reference has both, the tag is
// deleted if it has that digest.
//
// Errors: ErrInvalidReference, ErrNotFound, ErrUnsupported when the registry does not delete, or does not delete by tag (OCI
// distribution spec, "Content Management"), ErrDigestMismatch when the tag has another digest, ErrUnauthorized, ErrDenied,
// which ErrUnsupported matches too, ErrRateLimited and ErrUnreachable.
func (c *Client) Delete(ctx context.Context, ref string) error {
	r, err := parseRepository(ref)
	if err == nil && r.tag == "" && r.digest == "" {
		err = fmt.Errorf("%w: %q has neither a tag nor a digest", ErrInvalidReference, ref)
	}
	if err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	conn, err := c.conn(ctx, r.host, r.repo)
	if err != nil {
		return clientError("delete", r.String(), err)
	}
	return clientError("delete", r.String(), conn.delete(ctx, r))
}

func (c *conn) delete(ctx context.Context, r reference) error {
	if r.tag == "" {
		return c.DeleteManifest(ctx, r.repo, r.digest)
	}
	if r.digest != "" {
		desc, err := c.ResolveTag(ctx, r.repo, r.tag)
		if err != nil {
			return err
		}
		if desc.Digest != r.digest {
			return fmt.Errorf("%w: the tag is now %s", ErrDigestMismatch, desc.Digest)
		}
	}
	err := c.DeleteTag(ctx, r.repo, r.tag)
	var herr ociregistry.HTTPError
	if !errors.As(err, &herr) || herr.StatusCode() != http.StatusBadRequest && herr.StatusCode() != http.StatusMethodNotAllowed {
		return err
	}
	if refusesTag(err) {
		return api.Errorf(api.ErrNotOffered, "%w: if the registry deletes by digest only, name the digest", err)
	}
	return api.Errorf(api.ErrNotOffered, "%w", err)
}

// refusesTag says whether a registry that does not delete a tag may still delete by digest: it gave no reason of its own,
// or one that speaks of tags.
func refusesTag(err error) bool {
	var wire *ociregistry.WireError
	if !errors.As(err, &wire) {
		return true
	}
	message := strings.ToLower(wire.Message)
	return message == "" || strings.Contains(message, "tag") || strings.Contains(message, "operation is unsupported")
}
