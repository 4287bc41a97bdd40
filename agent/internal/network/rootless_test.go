//go:build linux

package network_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRootless runs every other test again as an ordinary user, who is root only in a user namespace of its own and
// lives in a network namespace that belongs to the machine's root.
func TestRootless(t *testing.T) {
	if ids, _ := os.ReadFile("/proc/self/uid_map"); os.Getenv(stageEnv) != stageHost || !strings.Contains(string(ids), "4294967295") {
		t.Skip("SKIPPED: already an ordinary user's run")
	}
	dir, err := os.MkdirTemp("", "caisson-network-test")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	require.NoError(t, os.Chmod(dir, 0o755))
	exe := filepath.Join(dir, "network.test") // go test's own directory is not the user's to enter
	copyFile(t, exe, "/proc/self/exe")
	tmp := filepath.Join(dir, "tmp")
	require.NoError(t, os.Mkdir(tmp, 0o777))
	require.NoError(t, os.Chmod(tmp, 0o777))

	const user = 4321
	args := []string{"-test.skip=TestRootless|TestThroughput", "-test.timeout=120s", "-test.count=1"}
	if testing.Verbose() {
		args = append(args, "-test.v")
	}
	// unshare(1) in two steps: first become the user, then make the namespace as that user.
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), stageEnv+"=user", "TMPDIR="+tmp)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "as an ordinary user:\n%s", out)
	if testing.Verbose() {
		t.Logf("as an ordinary user:\n%s", out)
	}
}

func copyFile(t *testing.T, to, from string) {
	src, err := os.Open(from)
	require.NoError(t, err)
	defer src.Close()
	dst, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	require.NoError(t, err)
	_, err = io.Copy(dst, src)
	require.NoError(t, err)
	require.NoError(t, dst.Close())
}
