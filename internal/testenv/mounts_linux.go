package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

const envInside = "CAISSON_TEST_MOUNT_NAMESPACE"

// InMountNamespace is a TestMain: as root it runs the tests in a mount namespace of their own, as an agent runs.
func InMountNamespace(m *testing.M) {
	if os.Geteuid() != 0 || os.Getenv(envInside) != "" {
		os.Exit(m.Run())
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), envInside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
