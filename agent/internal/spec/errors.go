package spec

import "github.com/caisson-dev/caisson/internal/api"

func invalid(format string, args ...any) error {
	return api.Errorf(api.ErrInvalidArgument, format, args...)
}

func unsupported(format string, args ...any) error {
	return api.Errorf(api.ErrUnsupported, format, args...)
}

func firstError(checks ...func() error) error {
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}
