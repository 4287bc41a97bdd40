//go:build !linux

package client

import (
	"context"
	"errors"
	"os"

	"github.com/caisson-dev/caisson/internal/api"
)

// File is not reached on this operating system: Open has failed.
func (c *Client) File(context.Context, api.Route, api.Route, any) (*os.File, error) {
	return nil, errors.ErrUnsupported
}
