//go:build linux

package image_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestAsUser runs the tests of this package again as ordinary users: with subordinate ids, and with one id alone.
func TestAsUser(t *testing.T) {
	t.Parallel()
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("this is the ordinary user's run")
	}
	// What does not depend on the ids that a user has, one of them is enough for.
	const both = "Example.*|TestBuild|TestDockerfiles|TestPushAndPull|TestWhiteouts|TestRemove|TestKillInBuild|TestOneID|TestImport|TestFS|TestCheckSound"
	for user, tests := range map[string]string{
		testenv.UserSubIDs: both + "|TestDockerfile|TestImageConfig|TestSaveAndLoad|TestPrune|TestCancelBuild|TestContexts|TestImportErrors|TestBuildEvents|TestBuildSSH|TestNamedContexts|TestPushOfDamaged|TestPushThroughLink",
		testenv.UserOneID:  both,
	} {
		t.Run(user, func(t *testing.T) {
			t.Parallel()
			testenv.Run(t, asUser(t, user, "-test.short", "-test.v", "-test.run", "^("+tests+")$"))
		})
	}
}

// asUser is this test binary as an ordinary user, with the shell of images.
func asUser(t *testing.T, user string, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := testenv.AsUser(t, user, flags...)
	sh, err := shell()
	require.NoError(t, err)
	path := filepath.Join(filepath.Dir(cmd.Path), "shell")
	require.NoError(t, os.WriteFile(path, sh, 0o755))
	cmd.Env = append(cmd.Env, envShell+"="+path)
	return cmd
}

// TestMirrorAsUser: without XDG_RUNTIME_DIR, an ordinary user's pull by a mirror asks for no files of user 0, who it is in its
// user namespace.
func TestMirrorAsUser(t *testing.T) {
	t.Parallel()
	if os.Getenv("CAISSON_TEST_USER") != "" {
		t.Skip("this is the ordinary user's run")
	}
	cmd := asUser(t, testenv.UserOneID, "-test.v", "-test.run", "^TestConfigFiles$/^mirror$")
	// Here and for the user, nobody but root sees what is in /run/containers. The thread ends with the test.
	runtime.LockOSThread()
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNS))
	require.NoError(t, unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""))
	require.NoError(t, unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
	require.NoError(t, os.MkdirAll("/run/containers/0", 0o700))
	testenv.Run(t, cmd)
}

// TestOneID: what one id can't do fails with the remedy.
func TestOneID(t *testing.T) {
	t.Parallel()
	if !testenv.OneID() {
		t.Skip("runs as part of TestAsUser")
	}
	s := open(t)
	for _, step := range []string{"COPY --chown=7:8 sh /f\n", "USER 7:8\nRUN id\n", "USER 7:8\nWORKDIR /w\n"} {
		_, err := build(t, s, base+step, image.BuildOptions{}, nil)
		require.ErrorIs(t, err, image.ErrBuildStep)
		require.ErrorContains(t, err, "/etc/subuid")
		require.NotContains(t, err.Error(), "copier.request")
	}
}
