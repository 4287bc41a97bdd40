//go:build !linux

package seccomp

import (
	"errors"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Profile is Docker's default profile, which its source has for Linux alone.
func Profile([]string, string, Kernel) (*specs.LinuxSeccomp, error) {
	return nil, errors.New("seccomp: the default profile is for Linux")
}
