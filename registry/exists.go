package registry

import (
	"context"
	"errors"
)

// Exists says whether there is what a reference names. It fails with ErrUnauthorized and ErrDenied.
func (c *Client) Exists(ctx context.Context, ref string) (bool, error) {
	_, err := c.Resolve(ctx, ref)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}
