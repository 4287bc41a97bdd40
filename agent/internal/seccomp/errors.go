package seccomp

import (
	"errors"
	"fmt"
)

var (
	// ErrProfile says that a profile is wrong; the message names the field.
	ErrProfile = errors.New("seccomp profile")

	// ErrArch says that there is no system call table for an architecture.
	ErrArch = errors.New("seccomp: architecture not supported")
)

func profileError(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrProfile, fmt.Errorf(format, args...))
}
