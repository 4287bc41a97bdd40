//go:build linux

package runc

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/api"
)

// TestNewProcess: what libcontainer starts is what the specification says.
func TestNewProcess(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	require.NoError(t, err)
	defer null.Close()
	spec := &specs.Process{
		Args: []string{"a", "b"}, Env: []string{"A=1"}, Cwd: "/srv", User: specs.User{UID: 7, GID: 8, AdditionalGids: []uint32{8, 9}},
		NoNewPrivileges: true, ApparmorProfile: "mine", SelinuxLabel: "label",
		Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_KILL"}, Effective: []string{"CAP_CHOWN"}},
		Rlimits:      []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 1, Hard: 2}, {Type: "RLIMIT_NO_SUCH"}},
	}
	p := newProcess(spec, IO{Stdin: null, Stdout: null})
	assert.Equal(t, spec.Args, p.Args)
	assert.Equal(t, spec.Env, p.Env)
	assert.Equal(t, []any{"/srv", 7, 8, []int{8, 9}, "mine", "label"}, []any{p.Cwd, p.UID, p.GID, p.AdditionalGroups, p.AppArmorProfile, p.Label})
	assert.True(t, *p.NoNewPrivileges)
	assert.Equal(t, []string{"CAP_KILL"}, p.Capabilities.Bounding)
	assert.Equal(t, []string{"CAP_CHOWN"}, p.Capabilities.Effective)
	require.Len(t, p.Rlimits, 1, "one that this system does not know is left out")
	assert.Equal(t, []any{unix.RLIMIT_CORE, uint64(1), uint64(2)}, []any{p.Rlimits[0].Type, p.Rlimits[0].Soft, p.Rlimits[0].Hard})
	assert.Equal(t, []any{io.Reader(null), io.Writer(null)}, []any{p.Stdin, p.Stdout})
	assert.True(t, p.Stderr == nil, "a stream that is not given is nil, and not a nil file")

	p = newProcess(&specs.Process{}, IO{Stdin: null, Console: null, Width: 80, Height: 24})
	assert.Nil(t, p.Capabilities)
	assert.Nil(t, p.Stdin, "the terminal stands for all three")
	assert.Equal(t, []any{null, uint16(80), uint16(24)}, []any{p.ConsoleSocket, p.ConsoleWidth, p.ConsoleHeight})
}

// TestStartError: libcontainer's texts have the sentinels that a caller matches.
func TestStartError(t *testing.T) {
	for text, want := range map[string]error{
		`unable to start container process: error during container init: exec: "x": executable file not found in $PATH`: api.ErrCommandNotFound,
		`error during container init: exec: "/x": stat /x: no such file or directory`:                                   api.ErrCommandNotFound,
		`error during container init: exec: "/x/y": stat /x/y: not a directory`:                                         api.ErrCommandNotFound,
		`error during container init: exec: "/x": permission denied`:                                                    api.ErrNotExecutable,
		`error during container init: exec: "/": is a directory`:                                                        api.ErrNotExecutable,
		`error during container init: chdir to cwd ("/x") set in config.json failed: no such file or directory`:         api.ErrNotExecutable,
		`error during container init: chdir to cwd ("/etc/passwd") set in config.json failed: not a directory`:          api.ErrNotExecutable,
	} {
		err := startError(errors.New(text))
		require.ErrorIs(t, err, want, text)
		assert.NotContains(t, err.Error(), "error during container init", "the layers before the reason are cut")
	}
	for _, text := range []string{"mount /x: no such file or directory", "permission denied", "cgroup: is a directory"} {
		err := errors.New(text)
		assert.Equal(t, err, startError(err), "it is none of the command's")
	}
}

// TestClean: the state of a container that can't be read goes all the same, and is told.
func TestClean(t *testing.T) {
	root := t.TempDir()
	r := New(root, false, nil)
	require.NoError(t, r.CleanAll())
	require.NoError(t, r.Clean("none", "/caisson/none"))
	empty, broken := filepath.Join(root, "empty"), filepath.Join(root, "broken")
	require.NoError(t, os.Mkdir(empty, 0o700))
	require.NoError(t, os.Mkdir(broken, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(broken, "state.json"), []byte("{"), 0o600))
	require.ErrorContains(t, r.CleanAll(), "container broken")
	assert.NoDirExists(t, empty)
	assert.NoDirExists(t, broken)
	require.NoError(t, r.CleanAll())
	require.NoError(t, New(filepath.Join(root, "none"), false, nil).CleanAll(), "the run root is gone")
}

// TestOnThread: what starts containers runs on threads that last, and its error comes back.
func TestOnThread(t *testing.T) {
	r := New(t.TempDir(), false, nil)
	failed := errors.New("failed")
	require.Equal(t, failed, r.onThread(func() error { return failed }))
	threads := map[int]bool{}
	for range 5 * starters {
		require.NoError(t, r.onThread(func() error {
			threads[unix.Gettid()] = true
			return nil
		}))
	}
	assert.LessOrEqual(t, len(threads), starters)
}
