package seccomp_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// TestI386OnTheKernel executes a program that makes 32-bit calls, with the
// default profile and without.
func TestI386OnTheKernel(t *testing.T) {
	requireRoot(t)
	if _, err := exec.LookPath("cc"); err != nil {
		skip(t, "a C compiler, to make i386 calls")
	}
	path := filepath.Join(t.TempDir(), "compat")
	out, err := exec.Command("cc", "-O1", "-o", path, "testdata/compat.c").CombinedOutput()
	require.NoError(t, err, string(out))
	unfiltered, err := exec.Command(path).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGSEGV {
		// What a kernel without the emulation does to int 0x80. No package mends that, so CI may skip it, too.
		t.Skip("SKIPPED, this machine lacks: 32-bit system calls (a kernel with CONFIG_IA32_EMULATION, not booted with ia32_emulation=0)")
	}
	require.NoError(t, err)
	require.NotContains(t, strings.ReplaceAll(string(unfiltered), "number-2000 ENOSYS", ""), "ENOSYS")
	require.NotContains(t, string(unfiltered), "EPERM", "the probes say nothing")

	t.Setenv("CAISSON_SECCOMP_TEST_EXEC", path)
	p := startProcess(t, "gate-exec", nil)
	require.NoError(t, seccomp.Send(p.conn, defaultProgram(t), 10*time.Second))
	_, err = p.start.Write([]byte{1})
	require.NoError(t, err)
	require.NoError(t, p.cmd.Wait(), p.stderr.String())
	require.Equal(t, strings.Join([]string{
		"getpid ok", "unshare EPERM", "mount EPERM", "keyctl EPERM", "personality-query ok", "personality-no-randomize EPERM",
		"socket-unix other", "socket-vsock EPERM", "clone3 ENOSYS", "clone-newuser EPERM", "number-2000 ENOSYS", "",
	}, "\n"), p.stdout.String())
}
