package seccomp

import (
	"fmt"

	moby "github.com/moby/profiles/seccomp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Profile is Docker's default profile (github.com/moby/profiles/seccomp) for a
// container with the bounding set caps ("CAP_…"), on a machine of the given
// GOARCH and kernel. Errors match [ErrArch].
func Profile(caps []string, goarch string, k Kernel) (*specs.LinuxSeccomp, error) {
	return resolve(moby.DefaultProfile(), caps, goarch, k)
}

// RunningKernel is the version of this machine's kernel.
func RunningKernel() (Kernel, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Kernel{}, fmt.Errorf("seccomp: uname: %w", err)
	}
	return ParseKernel(unix.ByteSliceToString(u.Release[:]))
}
