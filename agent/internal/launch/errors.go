//go:build linux

package launch

import "github.com/caisson-dev/caisson/internal/api"

func invalid(format string, args ...any) error {
	return api.Errorf(api.ErrInvalidArgument, format, args...)
}
