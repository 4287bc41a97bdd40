package seccomp_test

import (
	"fmt"
	"runtime"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// A program is compiled once for each set of capabilities, and sent to every
// container's init process.
func ExampleCache() {
	kernel, err := seccomp.RunningKernel()
	if err != nil {
		fmt.Println(err)
		return
	}
	profile, err := seccomp.Profile([]string{"CAP_CHOWN", "CAP_SYS_CHROOT"}, runtime.GOARCH, kernel)
	if err != nil {
		fmt.Println(err)
		return
	}
	var cache seccomp.Cache
	program, err := cache.Compile(profile, runtime.GOARCH)
	fmt.Println(len(program) > 0, err)
	// Output: true <nil>
}

// A mistake in a profile is told by its field.
func ExampleLoad() {
	_, err := seccomp.Load([]byte(`{
		"defaultAction": "SCMP_ACT_ALLOW",
		"syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_DENY"}]
	}`), nil, "amd64", seccomp.Kernel{Major: 6, Minor: 12})
	fmt.Println(err)
	// Output: seccomp profile: syscalls[0].action: unknown action "SCMP_ACT_DENY" (use SCMP_ACT_ALLOW, _ERRNO, _KILL, _KILL_THREAD, _KILL_PROCESS, _TRAP, _TRACE or _LOG)
}
