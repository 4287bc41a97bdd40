//go:build linux

package main

import (
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

func typed(t *testing.T, f *os.File, text string) {
	t.Helper()
	_, err := io.WriteString(f, text)
	require.NoError(t, err)
}

// TestTerminals has one store for all, since making one takes the longest.
func TestTerminals(t *testing.T) {
	caisson := newStore(t)
	for name, test := range map[string]func(*testing.T, func(...string) *exec.Cmd){
		"shell": testShell, "shell of exec": testExecShell, "attach": testAttachOptions, "stats": testStats,
	} {
		t.Run(name, func(t *testing.T) { test(t, caisson) })
	}
}

// testShell works in an interactive shell as a user does: commands, Ctrl-C, another size of the window, detach by keys
// of their choice, attach again, and an end with the shell's code.
func testShell(t *testing.T, caisson func(...string) *exec.Cmd) {
	run := caisson("run", "-it", "--name", "sh", "--detach-keys", "ctrl-x,d", "--entrypoint", "/bin/sh", "box")
	f, out := onTerminal(t, run)
	out.until("$ ")
	typed(t, f, "echo typed here\n")
	out.until("\ntyped here\r\n$ ")
	typed(t, f, "winch\n")
	out.until("size 80x24\r\n")
	require.NoError(t, pty.Setsize(f, &pty.Winsize{Rows: 40, Cols: 132}))
	out.until("size 132x40\r\n")
	typed(t, f, "\x03") // the command is interrupted, and the shell is not
	out.until("interrupted\r\n$ ")
	typed(t, f, "\x18x") // the first of the keys and another one are the shell's
	out.until("x")
	typed(t, f, "\x15") // the line is taken back
	typed(t, f, "\x18d")
	require.Equal(t, 0, exitCode(run.Wait()))
	require.Contains(t, output(t, caisson("ps")), "sh")

	attach := caisson("attach", "sh")
	f, out = onTerminal(t, attach)
	typed(t, f, "winch\n")
	out.until("size 80x24\r\n")
	typed(t, f, "\x03")
	out.until("interrupted\r\n$ ")
	typed(t, f, "\x10\x11")
	out.until("read escape sequence")
	require.Equal(t, 1, exitCode(attach.Wait()))

	attach = caisson("attach", "sh")
	f, _ = onTerminal(t, attach)
	typed(t, f, "exit 7\n")
	require.Equal(t, 7, exitCode(attach.Wait()))

	// start -ai goes on where run -it was.
	start := caisson("start", "-ai", "sh")
	f, out = onTerminal(t, start)
	out.until("$ ")
	typed(t, f, "exit 8\n")
	require.Equal(t, 8, exitCode(start.Wait()))
}

// testExecShell: a second terminal in a container that has none of its own.
func testExecShell(t *testing.T, caisson func(...string) *exec.Cmd) {
	require.NoError(t, caisson("run", "-d", "--name", "web", "box", "sleep", "1h").Run())
	sh := caisson("exec", "-it", "-e", "MARK=set", "-w", "/work", "web", "/bin/sh")
	f, out := onTerminal(t, sh)
	out.until("$ ")
	typed(t, f, "chain env ; pwd\n")
	out.until("MARK=set\r\n")
	out.until("/work\r\n$ ")
	require.NoError(t, pty.Setsize(f, &pty.Winsize{Rows: 50, Cols: 90}))
	typed(t, f, "winch\n")
	out.until("size 90x50\r\n")
	typed(t, f, "\x03")
	out.until("interrupted\r\n$ ")
	typed(t, f, "exit 9\n")
	require.Equal(t, 9, exitCode(sh.Wait()))
}

// testAttachOptions: who attaches without standard input or without passing signals does not disturb the container.
func testAttachOptions(t *testing.T, caisson func(...string) *exec.Cmd) {
	require.NoError(t, caisson("run", "-d", "-i", "--name", "up", "box", "upper").Run())
	mute := caisson("attach", "--no-stdin", "up")
	mute.Stdin = strings.NewReader("not for it\n")
	heard := startWithOutput(t, mute)
	attached := make(chan struct{})
	go func() {
		defer close(attached)
		heard.until("FOR IT\n")
	}()
	voice := caisson("attach", "--sig-proxy=false", "up")
	say, out := conversation(t, voice)
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for there := false; !there; {
		say("for it")
		out.until("FOR IT\n")
		select {
		case <-attached:
			there = true
		case <-again.C:
		}
	}
	require.NoError(t, voice.Process.Signal(syscall.SIGINT))
	require.Equal(t, 130, exitCode(voice.Wait()))
	require.Empty(t, strings.ReplaceAll(output(t, caisson("logs", "up"))+"\n", "FOR IT\n", ""), "nothing else came through")
	require.NoError(t, caisson("kill", "up").Run())
	require.Equal(t, 137, exitCode(mute.Wait()))

	// run -a connects what it names alone.
	only := caisson("run", "--rm", "-a", "stderr", "box", "chain", "echo", "to stdout", ";", "err", "to stderr")
	var errs strings.Builder
	only.Stderr = &errs
	require.Empty(t, output(t, only))
	require.Equal(t, "to stderr\n", errs.String())
}

// testStats redraws its table in place until it is interrupted.
func testStats(t *testing.T, caisson func(...string) *exec.Cmd) {
	require.NoError(t, caisson("run", "-d", "--name", "use", "box", "sleep", "1h").Run())
	stats := caisson("stats")
	_, out := onTerminal(t, stats)
	out.until("\x1b[H")
	out.until("use")
	require.NoError(t, caisson("run", "-d", "--name", "later", "box", "sleep", "1h").Run())
	out.until("later")
	require.NoError(t, stats.Process.Signal(os.Interrupt))
	err := stats.Wait()
	var ee *exec.ExitError
	require.ErrorAs(t, err, &ee)
	require.Equal(t, 130, ee.ExitCode())
}
