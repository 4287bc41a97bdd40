//go:build linux

package main

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// reader reads what a command writes, up to what is waited for.
type reader struct {
	t    *testing.T
	r    *bufio.Reader
	seen strings.Builder
}

func (r *reader) until(text string) {
	r.t.Helper()
	for !strings.Contains(r.seen.String(), text) {
		b, err := r.r.ReadByte()
		require.NoError(r.t, err, "before %q came: %q", text, r.seen.String())
		r.seen.WriteByte(b)
	}
	r.seen.Reset()
}

func startWithOutput(t *testing.T, cmd *exec.Cmd) *reader {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	return &reader{t: t, r: bufio.NewReader(out)}
}

func TestRunForwardsSignals(t *testing.T) {
	caisson := newStore(t)
	run := caisson("run", "--rm", "--name", "sig", "box", "trap", "terminated")
	out := startWithOutput(t, run)
	out.until("ready\n")
	for sig, text := range map[syscall.Signal]string{
		syscall.SIGINT: "got interrupt\n", syscall.SIGHUP: "got hangup\n", syscall.SIGUSR1: "got user defined signal 1\n",
	} {
		require.NoError(t, run.Process.Signal(sig))
		out.until(text)
	}
	require.NoError(t, run.Process.Signal(syscall.SIGTERM))
	out.until("got terminated\n")
	require.Equal(t, 42, exitCode(run.Wait()))
	require.Empty(t, output(t, caisson("ps", "-a", "-q")))
}

// TestRunSurvivesKill: as with Docker, a container in the foreground is not its client's.
func TestRunSurvivesKill(t *testing.T) {
	caisson := newStore(t)
	run := caisson("run", "--name", "alive", "-i", "box", "upper")
	say, out := conversation(t, run)
	say("one")
	out.until("ONE\n")
	require.NoError(t, run.Process.Kill())
	require.Equal(t, -1, exitCode(run.Wait()))
	require.Contains(t, output(t, caisson("ps")), "alive")

	attach := caisson("attach", "alive")
	say, out = conversation(t, attach)
	say("two")
	out.until("TWO\n")
	require.NoError(t, attach.Process.Signal(syscall.SIGKILL))
	require.Equal(t, -1, exitCode(attach.Wait()))
	require.NoError(t, caisson("kill", "alive").Run())
	require.Equal(t, "137", output(t, caisson("wait", "alive")))
	require.Equal(t, "ONE\nTWO", output(t, caisson("logs", "alive")))
}

// conversation starts a command, to write lines to and to read from.
func conversation(t *testing.T, cmd *exec.Cmd) (say func(line string), out *reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	t.Cleanup(func() { in.Close() })
	return func(line string) {
		t.Helper()
		_, err := io.WriteString(in, line+"\n")
		require.NoError(t, err)
	}, startWithOutput(t, cmd)
}

// TestInterrupt: a command that waits ends with 128 + the signal's number, and leaves the container alone.
func TestInterrupt(t *testing.T) {
	caisson := newStore(t)
	require.NoError(t, caisson("run", "-d", "--name", "web", "box", "trap", "terminated").Run())
	logs := caisson("logs", "-f", "web")
	out := startWithOutput(t, logs)
	out.until("ready\n")
	begin := time.Now()
	require.NoError(t, logs.Process.Signal(syscall.SIGINT))
	require.Equal(t, 130, exitCode(logs.Wait()))
	require.Less(t, time.Since(begin), 5*time.Second)
	require.Contains(t, output(t, caisson("ps")), "web")
}

// onTerminal runs a command on a pseudo-terminal of 24 by 80.
func onTerminal(t *testing.T, cmd *exec.Cmd) (*os.File, *reader) {
	t.Helper()
	cmd.Stderr = nil
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f, &reader{t: t, r: bufio.NewReader(f)}
}

func TestTerminal(t *testing.T) {
	caisson := newStore(t)
	run := caisson("run", "-it", "--name", "tty", "box", "trap", "terminated")
	f, out := onTerminal(t, run)
	out.until("ready\r\n")

	// Ctrl-C is a byte that the container's terminal makes a signal of.
	_, err := f.Write([]byte{3})
	require.NoError(t, err)
	out.until("got interrupt\r\n")
	require.NoError(t, pty.Setsize(f, &pty.Winsize{Rows: 30, Cols: 100}))
	out.until("got window changed\r\n")

	// Detach, and attach again.
	_, err = f.Write([]byte{16, 17})
	require.NoError(t, err)
	require.Equal(t, 0, exitCode(run.Wait()))
	require.Contains(t, output(t, caisson("ps")), "tty")
	attach := caisson("attach", "tty")
	f, out = onTerminal(t, attach)
	out.until("got window changed\r\n") // attach has the program draw its screen
	_, err = f.Write([]byte{3})
	require.NoError(t, err)
	out.until("got interrupt\r\n")
	require.NoError(t, caisson("stop", "tty").Run())
	out.until("got terminated\r\n")
	require.Equal(t, 42, exitCode(attach.Wait()))

	// A terminal is asked for and there is none.
	none := caisson("run", "-it", "box")
	none.Stderr = nil
	none.Stdin = strings.NewReader("")
	_, err = none.Output()
	require.Equal(t, 1, exitCode(err))
	require.Contains(t, string(err.(*exec.ExitError).Stderr), "the input device is not a TTY")
}

func TestExecOnTerminal(t *testing.T) {
	caisson := newStore(t)
	require.NoError(t, caisson("run", "-d", "--name", "web", "box", "sleep", "1h").Run())
	exec := caisson("exec", "-it", "web", "/bin/testbox", "upper")
	f, out := onTerminal(t, exec)
	_, err := io.WriteString(f, "typed\n")
	require.NoError(t, err)
	out.until("TYPED\r\n")
	_, err = f.Write([]byte{4}) // the end of the input
	require.NoError(t, err)
	require.Equal(t, 0, exitCode(exec.Wait()))
}
