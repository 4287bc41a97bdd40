//go:build linux && cgo

package initbinary_test

import (
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/initbinary"
	"github.com/caisson-dev/caisson/internal/agentbin"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestMain has this binary stand for the agent's: it says so if nothing else has taken its place.
func TestMain(m *testing.M) {
	if os.Getenv("STAND_FOR_AGENT") == "status" {
		b, _ := os.ReadFile("/proc/self/status")
		os.Stdout.Write(b)
		os.Exit(0)
	}
	if os.Getenv("STAND_FOR_AGENT") != "" {
		os.Stdout.WriteString("agent\n")
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestEnter: which process is the small binary's, for which /bin/echo stands here, and which the agent's.
func TestEnter(t *testing.T) {
	echo, err := os.Open("/bin/echo")
	require.NoError(t, err)
	defer echo.Close()
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	for _, tt := range []struct {
		name  string
		env   string
		files []*os.File
		args  []string
		want  string
	}{
		{name: "a container's init", env: "_LIBCONTAINER_INITPIPE=9", files: []*os.File{null, echo}, args: []string{"init"}, want: "init\n"},
		{name: "an init without the binary", env: "_LIBCONTAINER_INITPIPE=9", files: []*os.File{null, null}, args: []string{"init"}, want: "agent\n"},
		{name: "an init without files", env: "_LIBCONTAINER_INITPIPE=9", args: []string{"init"}, want: "agent\n"},
		{name: "another process", args: []string{"version"}, want: "agent\n"},
		{name: "one with the files alone", files: []*os.File{null, echo}, want: "agent\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", tt.args...)
			cmd.Env = []string{"STAND_FOR_AGENT=1", tt.env}
			cmd.ExtraFiles = tt.files
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Equal(t, tt.want, string(out))
		})
	}
}

// TestSignals: what an agent's owner ignores or blocks, the agent does not, and so not what it executes.
func TestSignals(t *testing.T) {
	ignored := []os.Signal{unix.SIGHUP, unix.SIGTSTP, unix.SIGTTOU} // those that a Go program leaves ignored
	signal.Ignore(ignored...)
	t.Cleanup(func() { signal.Reset(ignored...) })
	own := regexp.MustCompile(`\nSigIgn:\t(\S+)\n`)
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(t, err)
	inherited := own.FindStringSubmatch(string(status))[1] // what this test ignores, and whoever started it
	require.NotEqual(t, "0000000000000000", inherited)
	for arg0, want := range map[string]string{api.AgentArg0: "0000000000000000", "another": inherited} {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args[0], cmd.Env = arg0, []string{"STAND_FOR_AGENT=status"}
		out, err := cmd.Output()
		require.NoError(t, err)
		assert.Contains(t, string(out), "\nSigIgn:\t"+want+"\n", arg0)
		assert.Contains(t, string(out), "\nSigBlk:\t0000000000000000\n", arg0)
	}
}

// TestFind: a binary of the same build is found, and can't be written to by who has it open, such as a container's process
// has by /proc/PID/exe.
func TestFind(t *testing.T) {
	testenv.Root(t)
	exe, err := os.Readlink("/proc/self/exe")
	require.NoError(t, err)
	path := exe + initbinary.Suffix
	find := func() (*os.File, error) {
		t.Helper()
		f, err := initbinary.Find(t.TempDir())
		if f != nil {
			t.Cleanup(func() { f.Close() })
		}
		return f, err
	}
	f, err := find()
	require.NoError(t, err)
	require.Nil(t, f, "there is none")

	t.Cleanup(func() { os.Remove(path) })
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755))
	f, err = find()
	require.Error(t, err)
	require.Nil(t, f, "it is not ours")

	other, err := exec.LookPath("go")
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(other, path))
	f, err = find()
	require.ErrorContains(t, err, "another version")
	require.Nil(t, f)

	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Link(exe, path))
	f, err = find()
	require.NoError(t, err)
	require.NotNil(t, f)
	link := filepath.Join("/proc/self/fd", strconv.Itoa(int(f.Fd())))
	_, err = os.OpenFile(link, os.O_WRONLY, 0)
	require.ErrorIs(t, err, unix.EROFS)
	require.ErrorIs(t, unix.Chmod(link, 0o777), unix.EROFS)
	cmd := exec.Command(link)
	cmd.Env = []string{"STAND_FOR_AGENT=1"}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "agent\n", string(out), "it is the whole binary")
}

// TestNames: the client repeats what it may not import.
func TestNames(t *testing.T) {
	assert.Equal(t, agentbin.InitSuffix, initbinary.Suffix)
}
