package container_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestTerminal(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Cmd: []string{"winch"}, Stdin: true, TTY: true})
	pr, pw := io.Pipe()
	out := &watcher{}
	att, err := c.Attach(ctx, container.AttachOptions{Stdin: pr, Stdout: out, Size: container.Size{Width: 100, Height: 30}})
	require.NoError(t, err)
	require.NoError(t, c.Start(ctx))
	out.waitFor(t, "size 100x30\r\n")
	require.NoError(t, att.Resize(container.Size{Width: 81, Height: 25}))
	out.waitFor(t, "size 81x25\r\n")
	_, err = pw.Write([]byte{3}) // Ctrl-C
	require.NoError(t, err)
	out.waitFor(t, "interrupted\r\n")
	st, err := att.Wait()
	require.NoError(t, err)
	assert.Equal(t, 130, st.ExitCode)
}

func TestTerminalOfCommand(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	out := &watcher{}
	pr, pw := io.Pipe()
	cmd := c.Command("/bin/testbox", "winch")
	cmd.TTY, cmd.Size, cmd.Stdin, cmd.Stdout = true, container.Size{Width: 40, Height: 10}, pr, out
	require.NoError(t, cmd.Start(t.Context()))
	out.waitFor(t, "size 40x10\r\n")
	require.NoError(t, cmd.Resize(container.Size{Width: 41, Height: 11}))
	out.waitFor(t, "size 41x11\r\n")
	_, err := pw.Write([]byte{3})
	require.NoError(t, err)
	var ee *container.ExitError
	require.ErrorAs(t, cmd.Wait(), &ee)
	assert.Equal(t, 130, ee.ExitCode)
}

func TestDetachKeysAndAttachAgain(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Cmd: []string{"upper"}, Stdin: true, TTY: true})
	att, err := c.Attach(ctx, container.AttachOptions{
		Stdin: strings.NewReader("x\x10y\n\x10\x11never\n"), DetachKeys: container.DefaultDetachKeys,
	})
	require.NoError(t, err)
	require.NoError(t, c.Start(ctx))
	_, err = att.Wait()
	require.ErrorIs(t, err, container.ErrDetached)
	waitForLog(t, c, "X\x10Y\r\n")

	out := &watcher{}
	again, err := c.Attach(ctx, container.AttachOptions{Stdin: strings.NewReader("more\n"), Stdout: out, Logs: true})
	require.NoError(t, err)
	out.waitFor(t, "MORE\r\n")
	assert.Contains(t, out.String(), "X\x10Y\r\n", "what was written before comes first")
	assert.NotContains(t, out.String(), "NEVER")
	require.NoError(t, again.Close())

	for _, bad := range []string{"ctrl-", "ab", "ctrl-1", "a,,b"} {
		_, err := c.Attach(ctx, container.AttachOptions{DetachKeys: bad})
		require.ErrorIs(t, err, container.ErrInvalidArgument, bad)
	}
}

// waitFor waits until the text was written.
func (w *watcher) waitFor(t testing.TB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	w.mu.Lock()
	w.text, w.found = text, cancel
	seen := bytes.Contains(w.b.Bytes(), []byte(text))
	w.seen = w.seen || seen
	w.mu.Unlock()
	if seen {
		return
	}
	<-ctx.Done()
	require.Contains(t, w.String(), text)
}

func (w *watcher) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// BenchmarkAttachEcho is a line to a process and its answer.
func BenchmarkAttachEcho(b *testing.B) {
	e := newEngine(b)
	c := create(b, e, container.Options{Cmd: []string{"upper"}, Stdin: true})
	inr, inw := io.Pipe()
	outr, outw := io.Pipe()
	_, err := c.Attach(b.Context(), container.AttachOptions{Stdin: inr, Stdout: outw})
	require.NoError(b, err)
	require.NoError(b, c.Start(b.Context()))
	buf := make([]byte, 6)
	for b.Loop() {
		_, err := io.WriteString(inw, "hello\n")
		require.NoError(b, err)
		_, err = io.ReadFull(outr, buf)
		require.NoError(b, err)
	}
	assert.Equal(b, "HELLO\n", string(buf))
}
