//go:build linux && cgo

package pid1_test

import (
	"bytes"
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/pid1"
)

func program(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "init")
	require.NoError(t, os.WriteFile(path, pid1.Program(), 0o755))
	return path
}

func TestRunsTheCommand(t *testing.T) {
	init := program(t)
	for _, tc := range []struct {
		name string
		args []string
		code int
		out  string
		errs string
	}{
		{"by path", []string{"--", "/bin/sh", "-c", "echo $1", "x", "one arg"}, 0, "one arg\n", ""},
		{"by PATH", []string{"--", "sh", "-c", "exit 7"}, 7, "", ""},
		{"signal", []string{"--", "sh", "-c", "kill -9 $$"}, 137, "", ""},
		{"not there", []string{"--", "no-such-command"}, 127, "", "caisson-init: no-such-command: no such command in the container\n"},
		{"not executable", []string{"--", "/etc/passwd"}, 126, "", "caisson-init: /etc/passwd: the command can't be executed\n"},
		{"no command", []string{"--"}, 127, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cmd := exec.Command(init, tc.args...)
			cmd.Env = []string{"PATH=/usr/bin:/bin"} // one directory that may not be read makes another error of "not there"
			var out, errs bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &errs
			err := cmd.Run()
			if tc.code != 0 {
				require.Error(t, err)
			}
			assert.Equal(t, tc.code, cmd.ProcessState.ExitCode())
			assert.Equal(t, tc.out, out.String())
			assert.Equal(t, tc.errs, errs.String())
		})
	}
}

// TestForwardsSignals: the command's mask is as it was, and what init gets is the command's.
func TestForwardsSignals(t *testing.T) {
	cmd := exec.Command(program(t), "--", "sh", "-c", `trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 0.01; done`)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	b := make([]byte, 6)
	_, err = out.Read(b)
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.Error(t, cmd.Wait())
	assert.Equal(t, 3, cmd.ProcessState.ExitCode())
}

// TestReapsWhatEndedBefore: a command that is executed in a container right after its start can end, with what it leaves
// behind, before this program is in the place of libcontainer's.
func TestReapsWhatEndedBefore(t *testing.T) {
	const env = "CAISSON_TEST_PID1"
	if init := os.Getenv(env); init != "" { // this process leaves a zombie to the program that it executes
		p, err := os.StartProcess("/bin/true", []string{"true"}, &os.ProcAttr{})
		require.NoError(t, err)
		for stat := []byte(nil); !bytes.Contains(stat, []byte(") Z ")); {
			stat, err = os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.Pid), "stat"))
			require.NoError(t, err)
		}
		script := `while read -r line 2>/dev/null <"/proc/$0/stat"; do :; done; echo reaped`
		require.NoError(t, syscall.Exec(init, []string{"init", "--", "sh", "-c", script, strconv.Itoa(p.Pid)}, os.Environ()))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestReapsWhatEndedBefore$")
	cmd.Env = append(os.Environ(), env+"="+program(t))
	out, err := cmd.Output()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, "reaped\n", string(out))
}

// TestIsWhole: the file is a valid one, and small; the compiler put nothing elsewhere that the program needs.
func TestIsWhole(t *testing.T) {
	b := pid1.Program()
	assert.Less(t, len(b), 12<<10)
	f, err := elf.NewFile(bytes.NewReader(b))
	require.NoError(t, err)
	require.Len(t, f.Progs, 2, "it and the stack")
	assert.Equal(t, elf.PF_R|elf.PF_X, f.Progs[0].Flags, "nothing of it is writable")
	assert.Equal(t, b, pid1.Program())
}

func BenchmarkStart(b *testing.B) {
	init := program(b)
	for b.Loop() {
		require.Error(b, exec.Command(init).Run(), "it has no command")
	}
}
