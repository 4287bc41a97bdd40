//go:build linux

package container_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// out is a frame of standard output.
func out(text string) agenttest.Frame { return agenttest.Frame{Kind: api.Stdout, Data: text} }

// opened are the methods whose streams stay open, each with what it answers first.
var opened = map[string]struct {
	route api.Route
	begin []agenttest.Frame
	call  func(ctx context.Context, e *container.Engine, c *container.Container, w io.Writer) error
}{
	"attach": {api.ContainerAttach, []agenttest.Frame{out("begin")}, func(ctx context.Context, _ *container.Engine, c *container.Container, w io.Writer) error {
		at, err := c.Attach(ctx, container.AttachOptions{Stdin: stuck{}, Stdout: w})
		if err != nil {
			return err
		}
		_, err = at.Wait()
		return err
	}},
	"exec": {api.ContainerExec, []agenttest.Frame{out("begin")}, func(ctx context.Context, _ *container.Engine, c *container.Container, w io.Writer) error {
		cmd := c.Command("cat")
		cmd.Stdin, cmd.Stdout = stuck{}, w
		return cmd.Run(ctx)
	}},
	"copy to": {api.ContainerCopyTo, nil, func(ctx context.Context, _ *container.Engine, c *container.Container, _ io.Writer) error {
		return c.CopyTo(ctx, "/", stuck{}, container.CopyOptions{})
	}},
	"copy of a file system": {api.ContainerCopyTo, nil, func(ctx context.Context, _ *container.Engine, c *container.Container, _ io.Writer) error {
		return c.CopyFS(ctx, "/srv", stuckFS{fstest.MapFS{"note": {Data: []byte("hello")}}}, container.CopyOptions{})
	}},
	"copy from": {api.ContainerCopyFrom, []agenttest.Frame{{Kind: api.Started, JSON: container.FileInfo{}}, out("begin")}, func(ctx context.Context, _ *container.Engine, c *container.Container, w io.Writer) error {
		r, _, err := c.CopyFrom(ctx, "/", container.CopyFromOptions{})
		return drain(w, r, err)
	}},
	"export": {api.ContainerExport, []agenttest.Frame{out("begin")}, func(ctx context.Context, _ *container.Engine, c *container.Container, w io.Writer) error {
		r, err := c.Export(ctx)
		return drain(w, r, err)
	}},
	"logs": {api.ContainerLogs, []agenttest.Frame{stamped(api.Stdout, "begin")}, func(ctx context.Context, _ *container.Engine, c *container.Container, w io.Writer) error {
		return c.Logs(ctx, container.LogsOptions{Follow: true, Stdout: w})
	}},
	"create with ModifySpec": {api.ContainerCreateModified, nil, func(ctx context.Context, e *container.Engine, _ *container.Container, _ io.Writer) error {
		_, err := e.Create(ctx, container.Options{Image: "app", ModifySpec: keepSpec})
		return err
	}},
}

func drain(w io.Writer, r io.ReadCloser, err error) error {
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(w, r)
	return err
}

// stuck is a reader that blocks for ever, as a terminal at which nobody types.
type stuck struct{}

func (stuck) Read([]byte) (int, error) { select {} }

// stuckFS is a file system whose files are stuck.
type stuckFS struct{ fstest.MapFS }

type stuckFile struct {
	fs.File
	stuck
}

func (f stuckFile) Read(p []byte) (int, error) { return f.stuck.Read(p) }

func (s stuckFS) Open(name string) (fs.File, error) {
	f, err := s.MapFS.Open(name)
	if st, serr := fs.Stat(s.MapFS, name); serr == nil && st.Mode().IsRegular() {
		return stuckFile{f, stuck{}}, err
	}
	return f, err
}

// opening answers with frames, in whichever kind of stream was asked for, and goes on with then.
func opening(frames []agenttest.Frame, then func(gone <-chan struct{})) agenttest.Handler {
	return func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		if r.Header.Get("Upgrade") == "" {
			agenttest.Frames(frames...)(w, r, in, body)
			_ = http.NewResponseController(w).Flush()
			then(r.Context().Done())
			return
		}
		agenttest.Upgrade(func(c *agenttest.Conn) {
			_ = c.Send(frames...)
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				_, _ = io.Copy(io.Discard, c.Buffered)
			}()
			then(gone)
		})(w, r, in, body)
	}
}

// A stream ends at once when its context does, and the agent sees that; also while the caller's reader blocks.
func TestClientCancelInStream(t *testing.T) {
	t.Parallel()
	for name, o := range opened {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, e, c := played(t)
			under, seen := make(chan struct{}), make(chan struct{})
			a.Handle(o.route, opening(o.begin, func(gone <-chan struct{}) {
				close(under)
				<-gone
				close(seen)
			}))
			ctx, cancel := context.WithCancelCause(t.Context())
			why := errors.New("enough")
			var begin time.Time
			go func() {
				<-under
				begin = time.Now()
				cancel(why)
			}()
			var b bytes.Buffer
			require.ErrorIs(t, o.call(ctx, e, c, &b), why)
			assert.Less(t, time.Since(begin), atOnce)
			<-seen
		})
	}
}

func TestClientAgentGoneInStream(t *testing.T) {
	t.Parallel()
	for name, o := range opened {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, e, c := played(t)
			a.Handle(o.route, opening(o.begin, func(<-chan struct{}) { a.Die("signal: killed") }))
			var b bytes.Buffer
			err := o.call(t.Context(), e, c, &b)
			require.ErrorIs(t, err, container.ErrAgentGone)
			assert.ErrorContains(t, err, "signal: killed")
			if o.begin != nil {
				assert.Equal(t, "begin", b.String())
			}
		})
	}
}

// A stream that breaks off though the agent lives, as that of a detached container whose agent died, is an error, too.
func TestClientBrokenStream(t *testing.T) {
	t.Parallel()
	for name, o := range opened {
		if name == "logs" {
			continue // a log's end is the stream's
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, e, c := played(t)
			a.Handle(o.route, opening(o.begin, func(<-chan struct{}) {}))
			require.ErrorIs(t, o.call(t.Context(), e, c, io.Discard), io.ErrUnexpectedEOF)
		})
	}
}

// An error at the end of a stream is what the call returns.
func TestClientFailureInStream(t *testing.T) {
	t.Parallel()
	for name, o := range opened {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, e, c := played(t)
			failed := agenttest.Frame{Kind: api.Failure, JSON: api.ToError(api.Errorf(api.ErrPermission, "copy to /: it is read-only"))}
			a.Handle(o.route, opening(append(o.begin[:len(o.begin):len(o.begin)], failed), func(<-chan struct{}) {}))
			err := o.call(t.Context(), e, c, io.Discard)
			require.ErrorIs(t, err, container.ErrPermission)
			assert.EqualError(t, err, "copy to /: it is read-only")
		})
	}
}

// The caller's writer can fail, and it can be slow: all comes then, too, and in its order.
func TestClientWriters(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("what is written ", 100_000)
	full := errors.New("the disk is full")
	for name, o := range opened {
		if o.begin == nil {
			continue // it writes nothing
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, e, c := played(t)
			a.Handle(o.route, opening(o.begin, func(gone <-chan struct{}) { <-gone }))
			require.ErrorIs(t, o.call(t.Context(), e, c, badWriter{full}), full)

			frames := o.begin[: len(o.begin)-1 : len(o.begin)-1]
			for rest := text; rest != ""; rest = rest[min(len(rest), 50_000):] {
				f := out(rest[:min(len(rest), 50_000)])
				if name == "logs" {
					f = stamped(api.Stdout, f.Data)
				}
				frames = append(frames, f)
			}
			end := agenttest.Frame{Kind: api.Exit, JSON: container.State{}}
			a.Handle(o.route, opening(append(frames, end), func(<-chan struct{}) {}))
			var b bytes.Buffer
			require.NoError(t, o.call(t.Context(), e, c, &slowWriter{h: &b, pause: time.After(50 * time.Millisecond)}))
			assert.True(t, b.String() == text, "%d of %d bytes came", b.Len(), len(text))
		})
	}
}

type badWriter struct{ err error }

func (w badWriter) Write([]byte) (int, error) { return 0, w.err }

func TestClientInput(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("what is typed ", 100_000)
	t.Run("stdin", func(t *testing.T) {
		t.Parallel()
		a, _, c := played(t)
		a.Handle(api.ContainerExec, agenttest.Upgrade(func(c *agenttest.Conn) {
			_ = c.Send(out(takes(c)), agenttest.Frame{Kind: api.Exit, JSON: container.State{}})
		}))
		cmd := c.Command("cat")
		cmd.Stdin = iotest.HalfReader(strings.NewReader(text))
		b, err := cmd.Output(t.Context())
		require.NoError(t, err)
		assert.True(t, string(b) == text, "%d of %d bytes came", len(b), len(text))
	})
	t.Run("copy", func(t *testing.T) {
		t.Parallel()
		a, _, c := played(t)
		var got string
		a.Handle(api.ContainerCopyTo, agenttest.Upgrade(func(c *agenttest.Conn) {
			got = takes(c)
			_ = c.Send(agenttest.Frame{Kind: api.Exit, JSON: nothing{}})
		}))
		require.NoError(t, c.CopyTo(t.Context(), "/", iotest.HalfReader(strings.NewReader(text)), container.CopyOptions{}))
		assert.True(t, got == text, "%d of %d bytes came", len(got), len(text))
		broken := errors.New("the disk is broken")
		require.ErrorIs(t, c.CopyTo(t.Context(), "/", io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), container.CopyOptions{}), broken)
	})
	t.Run("terminal", func(t *testing.T) {
		t.Parallel()
		a, _, c := played(t)
		sizes := make(chan container.Size, 1)
		a.Handle(api.ContainerAttach, agenttest.Upgrade(func(c *agenttest.Conn) {
			for {
				kind, p, err := c.In.Next()
				if err != nil {
					return
				}
				var size container.Size
				if kind == api.Resize && assert.NoError(t, json.Unmarshal(p, &size)) {
					sizes <- size
				}
			}
		}))
		pr, pw := io.Pipe()
		at, err := c.Attach(t.Context(), container.AttachOptions{Stdin: pr, DetachKeys: "ctrl-p,q"})
		require.NoError(t, err)
		require.NoError(t, at.Resize(container.Size{Width: 1, Height: 2}))
		assert.Equal(t, container.Size{Width: 1, Height: 2}, <-sizes)
		_, err = io.WriteString(pw, "text\x10q")
		require.NoError(t, err)
		_, err = at.Wait()
		require.ErrorIs(t, err, container.ErrDetached)
		require.NoError(t, at.Resize(container.Size{}), "there is no terminal any more")
		require.NoError(t, at.Close())
	})
}
