package registry

import (
	"context"
	"errors"
)

// Exists says whether the registry has what a reference names. A reference without a tag and a digest has the tag latest.
//
// Errors: ErrInvalidReference, ErrUnauthorized, ErrDenied, ErrRateLimited and ErrUnreachable.
func (c *Client) Exists(ctx context.Context, ref string) (bool, error) {
	_, err := c.Resolve(ctx, ref)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
