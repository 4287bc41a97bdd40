//go:build !linux

package client

import (
	"context"
	"errors"
	"os"
)

// File is not reached on this operating system: Open has failed.
func (c *Client) File(context.Context, string, string) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
