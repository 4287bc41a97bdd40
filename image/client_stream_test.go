//go:build linux

package image_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// got returns a handler that keeps what was sent after the request, and answers as h does.
func got(b *bytes.Buffer, h agenttest.Handler) agenttest.Handler {
	return func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		_, _ = b.ReadFrom(body)
		h(w, r, in, body)
	}
}

func TestClientSends(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("what is sent, with a line feed\n", 100_000)
	for name, c := range readers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := played(t)
			var sent bytes.Buffer
			a.Handle(c.route, got(&sent, done(c.result)))
			require.NoError(t, c.call(t.Context(), s, iotest.HalfReader(strings.NewReader(text))))
			assert.True(t, sent.String() == text, "%d of %d bytes came", sent.Len(), len(text))
		})
		t.Run(name+" from a reader that fails", func(t *testing.T) {
			t.Parallel()
			a, s := played(t)
			a.Handle(c.route, got(new(bytes.Buffer), agenttest.Events(agenttest.Failed(api.Errorf(api.ErrCorrupt, "it breaks off")))))
			broken := errors.New("the disk is broken")
			err := c.call(t.Context(), s, io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)))
			require.ErrorIs(t, err, broken)
		})
		t.Run(name+" that fails before all is sent", func(t *testing.T) {
			t.Parallel()
			a, s := played(t)
			a.Handle(c.route, func(w http.ResponseWriter, _ *http.Request, _ json.RawMessage, _ io.Reader) {
				_ = json.NewEncoder(w).Encode(agenttest.Failed(api.Errorf(api.ErrCorrupt, "it is no archive")))
			})
			err := c.call(t.Context(), s, newStuck(t, text))
			require.ErrorIs(t, err, image.ErrCorrupt)
		})
	}
}

func TestClientBuildContexts(t *testing.T) {
	t.Parallel()
	a, s := played(t)
	parts := map[string]int{}
	a.Handle(api.ImageBuild, func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		var req api.BuildRequest[image.BuildOptions]
		assert.NoError(t, json.Unmarshal(in, &req))
		assert.True(t, req.Input.HasTar)
		assert.Equal(t, []string{"docs", "extra"}, req.Input.Tars)
		mr := multipart.NewReader(body, req.Input.Boundary)
		for _, name := range append([]string{"."}, req.Input.Tars...) {
			p, err := mr.NextPart()
			if !assert.NoError(t, err) {
				break
			}
			b, err := io.ReadAll(p)
			assert.NoError(t, err)
			parts[name] = len(b)
		}
		done(app)(w, r, in, body)
	})
	files := fstest.MapFS{"note": {Data: []byte("hello"), Mode: 0o644}}
	_, err := s.Build(t.Context(), image.BuildOptions{Context: files, Contexts: image.NamedContexts{Files: map[string]fs.FS{"docs": files, "extra": files}}})
	require.NoError(t, err)
	assert.Len(t, parts, 3)
	for name, n := range parts {
		assert.Equal(t, 2048, n, name) // header, block, end
	}
}

func TestClientProgress(t *testing.T) {
	t.Parallel()
	a, s := played(t)
	var steps []image.Progress
	for i := range int64(1000) {
		steps = append(steps, image.Progress{Digest: "sha256:03", Phase: image.PhaseDownload, Current: i, Total: 1000})
	}
	var events []api.Event
	for _, p := range steps {
		events = append(events, agenttest.Progress(p))
	}
	a.Handle(api.ImagePull, agenttest.Events(append(events, agenttest.Done(app))...))
	var seen []image.Progress
	img, err := s.Pull(t.Context(), "app:1", image.PullOptions{Progress: func(p image.Progress) { seen = append(seen, p) }})
	require.NoError(t, err)
	assert.Equal(t, &app, img)
	assert.Equal(t, steps, seen)

	a.Handle(api.ImagePull, agenttest.Events(agenttest.Progress("text"), agenttest.Done(app)))
	_, err = s.Pull(t.Context(), "app:1", image.PullOptions{Progress: func(image.Progress) {}})
	require.Error(t, err)
	_, err = s.Pull(t.Context(), "app:1", image.PullOptions{})
	require.NoError(t, err, "nobody looks at it")
}

func TestClientBuildOutput(t *testing.T) {
	t.Parallel()
	a, s := played(t)
	a.Handle(api.ImageBuild, agenttest.Events(
		api.Event{Output: []byte("STEP 1\n")}, agenttest.Progress(image.BuildEvent{Kind: image.BuildStep, Step: 1}),
		api.Event{Output: []byte("STEP 2\n")}, agenttest.Done(app)))
	var out bytes.Buffer
	var events []image.BuildEvent
	opts := image.BuildOptions{DockerfileText: "FROM scratch", Output: &out, Progress: func(e image.BuildEvent) { events = append(events, e) }}
	_, err := s.Build(t.Context(), opts)
	require.NoError(t, err)
	assert.Equal(t, "STEP 1\nSTEP 2\n", out.String())
	assert.Equal(t, []image.BuildEvent{{Kind: image.BuildStep, Step: 1}}, events)

	full := errors.New("the disk is full")
	opts.Output = failingWriter{full}
	_, err = s.Build(t.Context(), opts)
	require.ErrorIs(t, err, full)
}

// carried is a BuildError as the agent sends it.
type carried struct{ *image.BuildError }

func (c carried) WireData() any { return c.BuildError }

func TestClientBuildError(t *testing.T) {
	t.Parallel()
	a, s := played(t)
	want := &image.BuildError{Step: "RUN make", Number: 3, ExitCode: 2, File: "Dockerfile", Line: 7, Tail: "no rule", Message: "RUN make: exit status 2"}
	a.Handle(api.ImageBuild, agenttest.Events(agenttest.Failed(carried{want})))
	_, err := s.Build(t.Context(), image.BuildOptions{DockerfileText: "FROM scratch"})
	require.ErrorIs(t, err, image.ErrBuildStep)
	be, ok := errors.AsType[*image.BuildError](err)
	require.True(t, ok)
	assert.Equal(t, want, be)
	assert.EqualError(t, err, want.Message)

	a.Handle(api.ImageBuild, agenttest.Events(api.Event{Err: &api.Error{Message: "RUN make", Codes: []string{"build-step"}, Data: json.RawMessage(`"text"`)}}))
	_, err = s.Build(t.Context(), image.BuildOptions{DockerfileText: "FROM scratch"})
	require.ErrorIs(t, err, image.ErrBuildStep)
	assert.ErrorContains(t, err, "details don't parse")
}

func TestClientReceives(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("what is received ", 200_000)
	for name, receive := range map[string]func(ctx context.Context, s *image.Store, w io.Writer) error{
		"save": func(ctx context.Context, s *image.Store, w io.Writer) error {
			return s.Save(ctx, w, []string{"app:1"}, image.SaveOptions{})
		},
		"export": func(ctx context.Context, s *image.Store, w io.Writer) error { return s.Export(ctx, w, "app:1") },
	} {
		route := map[string]api.Route{"save": api.ImageSave, "export": api.ImageExport}[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := played(t)
			a.Handle(route, agenttest.Frames(agenttest.Frame{Kind: api.Stdout, Data: text}, agenttest.Frame{Kind: api.Exit}))
			var b bytes.Buffer
			require.NoError(t, receive(t.Context(), s, &b))
			assert.True(t, b.String() == text, "%d of %d bytes came", b.Len(), len(text))
			full := errors.New("the disk is full")
			require.ErrorIs(t, receive(t.Context(), s, failingWriter{full}), full)

			a.Handle(route, agenttest.Frames(agenttest.Frame{Kind: api.Stdout, Data: "a"}, agenttest.Frame{Kind: api.Failure, JSON: api.ToError(api.Errorf(api.ErrCorrupt, "layer 3 is damaged"))}))
			b.Reset()
			err := receive(t.Context(), s, &b)
			require.ErrorIs(t, err, image.ErrCorrupt)
			assert.Equal(t, "a", b.String())

			a.Handle(route, agenttest.Frames(agenttest.Frame{Kind: api.Stdout, Data: "a"}))
			require.ErrorIs(t, receive(t.Context(), s, &b), io.ErrUnexpectedEOF)
		})
	}
}

func TestClientCancelInStream(t *testing.T) {
	t.Parallel()
	for _, name := range streams {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, s := played(t)
			begin := agenttest.Events(agenttest.Progress(nothing{}))
			if name == "Export" || name == "Save" {
				begin = agenttest.Frames(agenttest.Frame{Kind: api.Stdout, Data: "a "})
			}
			under := make(chan struct{})
			a.Handle(verbs[name].route, agenttest.Then(begin, func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
				close(under)
				agenttest.Hang()(w, r, in, body)
			}))
			took, err := cancelled(t, func() { <-under }, func(ctx context.Context) error {
				_, err := verbs[name].call(ctx, s)
				return err
			})
			require.ErrorIs(t, err, context.Canceled)
			assert.Less(t, took, atOnce)
		})
	}
}

// What can't be sent is refused before anything is asked of the agent.
func TestClientBuildRefused(t *testing.T) {
	t.Parallel()
	a, s := played(t)
	a.Handle(api.ImageBuild, done(app))
	files := fstest.MapFS{}
	for says, opts := range map[string]image.BuildOptions{
		"no Context, Tar or DockerfileText": {},
		"Context and Tar are both set":      {Context: files, Tar: strings.NewReader("")},
		"name a directory that exists":      {Context: os.DirFS("/does/not/exist")},
		"not a directory":                   {Context: os.DirFS("/etc/passwd")},
		`Contexts.Files["docs"] is nil`:     {Context: files, Contexts: image.NamedContexts{Files: map[string]fs.FS{"docs": nil}}},
		"Contexts.Files[docs]":              {Context: files, Contexts: image.NamedContexts{Files: map[string]fs.FS{"docs": os.DirFS("/does/not/exist")}}},
	} {
		_, err := s.Build(t.Context(), opts)
		require.ErrorIs(t, err, image.ErrInvalidArgument, says)
		require.ErrorContains(t, err, says)
	}
	assert.Empty(t, a.Requests())

	// Directories are named, not sent.
	dir := t.TempDir()
	_, err := s.Build(t.Context(), image.BuildOptions{Context: os.DirFS(dir), Contexts: image.NamedContexts{Files: map[string]fs.FS{"docs": os.DirFS(dir)}}})
	require.NoError(t, err)
	var req api.BuildRequest[image.BuildOptions]
	require.NoError(t, json.Unmarshal(a.Requests()[0].In, &req))
	assert.Equal(t, api.BuildInput{Dir: dir, Dirs: map[string]string{"docs": dir}, Quiet: true}, req.Input)
}
