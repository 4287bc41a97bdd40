//go:build linux && cgo

package guard_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/guard"
)

// envAgent makes the test binary an agent with three processes, two of which it holds. It writes their pids.
const envAgent = "CAISSON_TEST_GUARDED"

func TestMain(m *testing.M) {
	if file := os.Getenv(envAgent); file != "" {
		agent(file)
	}
	os.Exit(m.Run())
}

func agent(file string) {
	g := new(guard.Guard)
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	must(err)
	var releases []func()
	for i := range 3 {
		cmd := exec.Command("sleep", "1000")
		must(cmd.Start())
		fd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
		must(err)
		var to *os.File
		if i == 0 {
			to = f
		}
		release, err := g.Hold(fd, to, "THAWED")
		must(err)
		must(unix.Close(fd)) // the guard has its own
		releases = append(releases, release)
		fmt.Println(cmd.Process.Pid)
	}
	releases[2]()
	releases[2]()
	fmt.Println("ready")
	select {}
}

func must(err error) {
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

// startAgent returns the agent, the pids of its processes, and the file that the first one's guard writes to.
func startAgent(t *testing.T) (cmd *exec.Cmd, pids []int, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "freezer.state")
	require.NoError(t, os.WriteFile(file, []byte("FROZEN"), 0o600))
	cmd = exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), envAgent+"="+file)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "ready" {
		pid, err := strconv.Atoi(lines.Text())
		require.NoError(t, err, lines.Text())
		pids = append(pids, pid)
	}
	require.Len(t, pids, 3)
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // the test did
		_ = cmd.Wait()
		for _, pid := range pids {
			_ = unix.Kill(pid, unix.SIGKILL)
		}
	})
	return cmd, pids, file
}

// alive says whether a process runs: one whose new parent has not yet looked is over.
func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[0] != 'Z' && rest[0] != 'X'
}

// guardOf finds the guard's process of an agent.
func guardOf(t *testing.T, agent int) int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, s := range stats {
		b, _ := os.ReadFile(s)
		_, rest, _ := strings.Cut(string(b), ") ")
		cmdline, _ := os.ReadFile(filepath.Join(filepath.Dir(s), "cmdline"))
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(agent) && f[0] != "Z" && strings.HasPrefix(string(cmdline), "caisson-guard\x00") {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(s)))
			require.NoError(t, err)
			return pid
		}
	}
	return 0
}

// TestAgentKilled: what it held ends with it, and its guard; what it has released goes on.
func TestAgentKilled(t *testing.T) {
	t.Parallel()
	for _, guardFirst := range []bool{false, true} {
		cmd, pids, file := startAgent(t)
		g := guardOf(t, cmd.Process.Pid)
		require.NotZero(t, g)
		if guardFirst { // another one takes its place
			require.NoError(t, unix.Kill(g, unix.SIGKILL))
			dead := g
			require.Eventually(t, func() bool {
				g = guardOf(t, cmd.Process.Pid)
				told, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", g))
				return g != 0 && g != dead && len(told) == 4 // the socket, two processes and a file
			}, 30*time.Second, time.Millisecond)
		}
		require.NoError(t, cmd.Process.Kill())
		for _, pid := range append(pids[:2:2], g) {
			require.Eventually(t, func() bool { return !alive(pid) }, 30*time.Second, time.Millisecond)
		}
		assert.True(t, alive(pids[2]), "it was released")
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, "THAWED", string(b))
	}
}

func TestTooLong(t *testing.T) {
	t.Parallel()
	_, err := new(guard.Guard).Hold(0, nil, "too long")
	require.ErrorContains(t, err, "too long")
	_, err = new(guard.Guard).Hold(-1, nil, "")
	require.ErrorIs(t, err, unix.EBADF)
}
