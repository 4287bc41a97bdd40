package container_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

func TestLogsSelection(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{Cmd: []string{"seq", "1000"}})
	_, err := c.Wait(ctx)
	require.NoError(t, err)
	logs := func(opts container.LogsOptions) string {
		var out bytes.Buffer
		opts.Stdout = &out
		require.NoError(t, c.Logs(ctx, opts))
		return out.String()
	}
	assert.Equal(t, "998\n999\n1000\n", logs(container.LogsOptions{Tail: 3}))
	assert.Equal(t, "1\n2\n", logs(container.LogsOptions{Tail: 5000})[:4])
	assert.Empty(t, logs(container.LogsOptions{Tail: -1}))
	assert.Empty(t, logs(container.LogsOptions{Since: time.Now()}))
	assert.Len(t, logs(container.LogsOptions{Until: time.Now()}), 3893)
	assert.Empty(t, logs(container.LogsOptions{Until: time.Now().Add(-time.Hour)}))

	n := 0
	for entry, err := range c.LogEntries(ctx, container.LogsOptions{}) {
		require.NoError(t, err)
		n++
		require.Equal(t, fmt.Sprint(n), entry.Line)
		assert.WithinDuration(t, time.Now(), entry.Time, time.Minute)
		if n == 500 {
			break
		}
	}
	assert.Equal(t, 500, n)
	line := strings.Fields(logs(container.LogsOptions{Timestamps: true, Tail: 1}))
	require.Len(t, line, 2)
	_, err = time.Parse(time.RFC3339Nano, line[0])
	require.NoError(t, err)
	assert.Equal(t, "1000", line[1])
}

// slowWriter hashes what it gets, and takes its time at first.
type slowWriter struct {
	h     interface{ Write([]byte) (int, error) }
	n     int
	pause <-chan time.Time
}

func (w *slowWriter) Write(p []byte) (int, error) {
	if w.n == 0 {
		<-w.pause
	}
	w.n += len(p)
	return w.h.Write(p)
}

// TestLogsLoseNothing pushes lines through the log with a reader that keeps up and one that does not.
func TestLogsLoseNothing(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	size := 1 << 30
	if testing.Short() {
		size = 64 << 20
	}
	e := newEngine(t)
	ctx := t.Context()
	c := create(t, e, container.Options{Cmd: []string{"spam", fmt.Sprint(size)}})
	slowHash, fastHash := sha256.New(), sha256.New()
	slow := &slowWriter{h: slowHash, pause: time.After(time.Second)}
	att, err := c.Attach(ctx, container.AttachOptions{Stdout: slow})
	require.NoError(t, err)
	require.NoError(t, c.Start(ctx))
	var sum bytes.Buffer
	require.NoError(t, c.Logs(ctx, container.LogsOptions{Follow: true, Stdout: fastHash, Stderr: &sum}))
	st, err := att.Wait()
	require.NoError(t, err)
	assert.Zero(t, st.ExitCode)
	want := strings.TrimSpace(sum.String())
	assert.Equal(t, want, fmt.Sprintf("%x", fastHash.Sum(nil)))
	assert.Equal(t, want, fmt.Sprintf("%x", slowHash.Sum(nil)))
	assert.Equal(t, size, slow.n)
}

// TestLogRotation pushes far more through the log than it keeps: those that read along lose nothing, also slowly, and
// what is left is the end.
func TestLogRotation(t *testing.T) {
	t.Parallel()
	const size, file = 20 << 20, 256 << 10
	e := newEngine(t)
	ctx := t.Context()
	// It begins when it is told to: when the follower reads.
	c := create(t, e, container.Options{
		Cmd: []string{"chain", "cat", ";", "spam", fmt.Sprint(size)}, Stdin: true, Log: container.LogConfig{MaxSize: file, MaxFiles: 2},
	})
	stdin, tell := io.Pipe()
	slowHash, fastHash := sha256.New(), sha256.New()
	slow := &afterFirstLine{w: &slowWriter{h: slowHash, pause: time.After(time.Second)}, first: func() {}}
	att, err := c.Attach(ctx, container.AttachOptions{Stdin: stdin, Stdout: slow})
	require.NoError(t, err)
	require.NoError(t, c.Start(ctx))
	go fmt.Fprintln(tell, "reading?")
	var sum, whole bytes.Buffer
	fast := &afterFirstLine{w: io.MultiWriter(fastHash, &whole), first: func() { assert.NoError(t, tell.Close()) }}
	require.NoError(t, c.Logs(ctx, container.LogsOptions{Follow: true, Stdout: fast, Stderr: &sum}))
	_, err = att.Wait()
	require.NoError(t, err)
	want := strings.TrimSpace(sum.String())
	assert.Equal(t, want, fmt.Sprintf("%x", fastHash.Sum(nil)))
	assert.Equal(t, want, fmt.Sprintf("%x", slowHash.Sum(nil)))

	info, err := c.Inspect(ctx)
	require.NoError(t, err)
	kept := func() (n, total int64) {
		names, err := filepath.Glob(info.LogPath + "*")
		require.NoError(t, err)
		for _, name := range names {
			st, err := os.Stat(name)
			require.NoError(t, err)
			n, total = n+1, total+st.Size()
		}
		return n, total
	}
	n, total := kept()
	assert.EqualValues(t, 2, n)
	assert.LessOrEqual(t, total, int64(2*file))
	var left, again bytes.Buffer
	require.NoError(t, c.Logs(ctx, container.LogsOptions{Stdout: &left}))
	assert.Greater(t, left.Len(), file/2)
	assert.True(t, bytes.HasSuffix(whole.Bytes(), left.Bytes()))
	line := bytes.SplitAfter(left.Bytes(), []byte("\n"))[0]
	assert.Contains(t, whole.String(), "\n"+string(line), "the first line is whole")

	// The next run goes on where this one ended.
	att, err = c.Attach(ctx, container.AttachOptions{Stdin: strings.NewReader("")})
	require.NoError(t, err)
	require.NoError(t, c.Start(ctx))
	_, err = att.Wait()
	require.NoError(t, err)
	require.NoError(t, c.Logs(ctx, container.LogsOptions{Stdout: &again, Tail: 100}))
	assert.True(t, bytes.HasSuffix(whole.Bytes(), again.Bytes()))
	_, total = kept()
	assert.LessOrEqual(t, total, int64(2*file))
}

// afterFirstLine passes on what comes after the first line, at which it calls first.
type afterFirstLine struct {
	w     io.Writer
	first func()
	seen  bool
}

func (a *afterFirstLine) Write(p []byte) (int, error) {
	n := len(p)
	if !a.seen {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return n, nil
		}
		p, a.seen = p[i+1:], true
		a.first()
	}
	if len(p) == 0 {
		return n, nil
	}
	if _, err := a.w.Write(p); err != nil {
		return 0, err
	}
	return n, nil
}

func TestLogErrors(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, tc := range []struct {
		log   container.LogConfig
		field string
	}{
		{container.LogConfig{MaxSize: 1023}, "Options.Log.MaxSize"},
		{container.LogConfig{MaxSize: -1}, "Options.Log.MaxSize"},
		{container.LogConfig{MaxSize: 1 << 20, MaxFiles: -1}, "Options.Log.MaxFiles"},
		{container.LogConfig{MaxFiles: 2}, "Options.Log.MaxFiles"},
	} {
		_, err := e.Create(t.Context(), container.Options{Image: testImage, Log: tc.log})
		require.ErrorIs(t, err, container.ErrInvalidArgument)
		assert.ErrorContains(t, err, tc.field)
	}
}

// BenchmarkLogs is what a container can write and a follower read, in bytes a second.
func BenchmarkLogs(b *testing.B) {
	const size = 256 << 20
	e := newEngine(b)
	b.SetBytes(size)
	for b.Loop() {
		c := start(b, e, container.Options{Cmd: []string{"spam", fmt.Sprint(size)}})
		n := &slowWriter{h: sha256.New(), pause: closedTimer()}
		require.NoError(b, c.Logs(b.Context(), container.LogsOptions{Follow: true, Stdout: n}))
		require.Equal(b, size, n.n)
		require.NoError(b, c.Remove(b.Context(), container.RemoveOptions{Force: true}))
	}
}

func closedTimer() <-chan time.Time {
	ch := make(chan time.Time)
	close(ch)
	return ch
}
