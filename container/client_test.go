//go:build linux

package container_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// atOnce is how soon a cancelled call must return, on a busy machine. One that hangs does not return at all.
const atOnce = 5 * time.Second

// playedID is the id of the container that played agents have.
var playedID = strings.Repeat("0a", 32)

// played opens an engine whose agent the test plays, and a handle on a container. Tests that do so begin with TestClient:
// they need no agent and no privileges.
func played(t *testing.T) (*agenttest.Agent, *container.Engine, *container.Container) {
	t.Helper()
	a := agenttest.New(t)
	s, err := image.OpenStore(image.StoreOptions{Root: a.Root, RunRoot: a.RunRoot})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // its agent may be dead
	e, err := container.NewEngine(s, container.EngineOptions{})
	require.NoError(t, err)
	a.Handle(api.ContainerGet, agenttest.Answer(api.Created{ID: playedID, Name: "web"}))
	c, err := e.Get(t.Context(), "web")
	require.NoError(t, err)
	return a, e, c
}

// verb is a method of Engine or Container: what it asks for, and what it makes of the answer.
type verb struct {
	route  api.Route
	call   func(ctx context.Context, e *container.Engine, c *container.Container) (any, error)
	in     string // the request, as JSON; empty for none
	answer agenttest.Handler
	want   any
}

// nothing is the result of methods that have none.
type nothing struct{}

func none(err error) (any, error) { return nothing{}, err }

// ok is the answer to methods that have no result.
var ok = agenttest.Answer(nothing{})

// simple is a method of Container that has no options and no result.
func simple(r api.Route, f func(*container.Container, context.Context) error) verb {
	return verb{r, func(ctx context.Context, _ *container.Engine, c *container.Container) (any, error) {
		return none(f(c, ctx))
	}, "", ok, nothing{}}
}

// at is a time on its way through JSON.
var at = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)

// stamped is a log's frame.
func stamped(k api.Kind, text string) agenttest.Frame {
	return agenttest.Frame{Kind: k, Data: string(binary.BigEndian.AppendUint64(nil, uint64(at.UnixNano()))) + text}
}

// says is a process that writes something and ends with a code.
func says(out, errs string, code int) agenttest.Handler {
	return agenttest.Upgrade(func(c *agenttest.Conn) {
		_ = c.Send(agenttest.Frame{Kind: api.Stdout, Data: out}, agenttest.Frame{Kind: api.Stderr, Data: errs}, agenttest.Frame{Kind: api.Exit, JSON: container.State{ExitCode: code}})
	})
}

// takes reads a stream of input to its end.
func takes(c *agenttest.Conn) (text string) {
	for {
		kind, p, err := c.In.Next()
		if err != nil || kind == api.CloseInput {
			return text
		}
		text += string(p)
	}
}

// readAll is the result of a method that returns a stream.
func readAll(r io.ReadCloser, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	return string(b), err
}

// all calls every method at the same time, and check gets what each returned.
func all(t *testing.T, ctx context.Context, e *container.Engine, c *container.Container, check func(name string, got any, err error)) {
	t.Helper()
	var wg sync.WaitGroup
	for name, v := range verbs {
		wg.Go(func() {
			got, err := v.call(ctx, e, c)
			check(name, got, err)
		})
	}
	wg.Wait()
}

func TestClientRequests(t *testing.T) {
	t.Parallel()
	for name, v := range verbs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, e, c := played(t)
			a.Handle(v.route, v.answer)
			got, err := v.call(t.Context(), e, c)
			require.NoError(t, err)
			assert.Equal(t, v.want, got)
			req := a.Requests()[1] // behind that for the handle
			assert.Equal(t, v.route, req.Route)
			if strings.Contains(v.route.String(), "{id}") {
				assert.Equal(t, playedID, req.ID)
			}
			if v.in == "" {
				assert.Empty(t, string(req.In))
			} else {
				assert.JSONEq(t, v.in, string(req.In))
			}
		})
	}
}

// Each route of containers, volumes and networks has a method that is tested here, or in TestClientDial and
// TestClientModifySpec.
func TestClientRoutes(t *testing.T) {
	t.Parallel()
	tested := map[api.Route]bool{api.ContainerSocket: true, api.ContainerDial: true, api.ContainerListen: true, api.ContainerFreeze: true, api.ContainerCreateModified: true}
	for _, v := range verbs {
		tested[v.route] = true
	}
	for _, r := range api.Routes() {
		if !strings.HasPrefix(r.String(), "/images/") && !strings.HasPrefix(r.String(), "/store/") {
			assert.True(t, tested[r], "%s is not tested", r)
		}
	}
}

func TestClientErrors(t *testing.T) {
	t.Parallel()
	a, e, c := played(t)
	a.HandleAll(agenttest.Fail(api.Errorf(api.ErrPaused, "container web: it is paused")))
	all(t, t.Context(), e, c, func(name string, _ any, err error) {
		assert.ErrorIs(t, err, container.ErrPaused, name)
		assert.EqualError(t, err, "container web: it is paused", name)
	})
}

// hanging makes all methods hang, and calls then once all of them do.
func hanging(a *agenttest.Agent, then func()) {
	var started sync.WaitGroup
	started.Add(len(verbs))
	a.HandleAll(func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		started.Done()
		agenttest.Hang()(w, r, in, body)
	})
	go func() {
		started.Wait()
		then()
	}()
}

func TestClientCancel(t *testing.T) {
	t.Parallel()
	a, e, c := played(t)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	var begin time.Time
	hanging(a, func() {
		begin = time.Now()
		cancel(why)
	})
	all(t, ctx, e, c, func(name string, _ any, err error) {
		assert.ErrorIs(t, err, why, name)
		assert.ErrorIs(t, err, context.Canceled, name)
		assert.Less(t, time.Since(begin), atOnce, name)
	})
}

func TestClientAgentGone(t *testing.T) {
	t.Parallel()
	a, e, c := played(t)
	hanging(a, func() { a.Die("signal: killed", "panic: too bad") })
	all(t, t.Context(), e, c, func(name string, _ any, err error) {
		assert.ErrorIs(t, err, container.ErrAgentGone, name)
		assert.ErrorContains(t, err, "(signal: killed): panic: too bad", name)
	})
}

// What can't be understood is an error.
func TestClientNonsense(t *testing.T) {
	t.Parallel()
	frames := []string{"Attach", "CopyFrom", "CopyTo", "Events", "Exec", "Export", "Logs"}
	const (
		every = iota
		resulting
		streaming
	)
	for what, test := range map[string]struct {
		of int // which methods
		h  agenttest.Handler
	}{
		"no such route":            {every, agenttest.Raw(404, "404 page not found")},
		"an error that isn't JSON": {every, agenttest.Raw(500, "panic")},
		"no answer":                {resulting, agenttest.Raw(200, "")},
		"half an answer":           {resulting, agenttest.Raw(200, `{"names": ["we`)},
		"not JSON":                 {resulting, agenttest.Raw(200, "<html>")},
		"another type":             {resulting, agenttest.Raw(200, `"text"`)},
		"a frame that is too long": {streaming, agenttest.Stream("\x01\xff\xff\xff\xff")},
		"half a frame":             {streaming, agenttest.Stream("\x01\x00\x00\x00\x09a")},
		"an end that isn't JSON":   {streaming, agenttest.Stream("\x06\x00\x00\x00\x01{")},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a, e, c := played(t)
			a.HandleAll(test.h)
			all(t, t.Context(), e, c, func(name string, _ any, err error) {
				if test.of == every || test.of == resulting && verbs[name].want != any(nothing{}) && name != "Logs" || test.of == streaming && slices.Contains(frames, name) {
					assert.Error(t, err, name)
				}
			})
		})
	}
}

func TestClientStart(t *testing.T) {
	t.Parallel()
	a, e, _ := played(t)
	a.Handle(api.ContainerCreate, agenttest.Answer(api.Created{ID: playedID, Name: "web"}))
	a.Handle(api.ContainerStart, ok)
	c, err := e.Start(t.Context(), container.Options{Image: "app"})
	require.NoError(t, err)
	assert.Equal(t, playedID, c.ID())
	assert.Equal(t, "web", c.Name())

	// One that can't be started is removed, though the caller has given up meanwhile.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a.Handle(api.ContainerStart, agenttest.Then(func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { cancel() }, agenttest.Hang()))
	a.Handle(api.ContainerRemove, ok)
	_, err = e.Start(ctx, container.Options{Image: "app"})
	require.ErrorIs(t, err, context.Canceled)
	reqs := a.Requests()
	last := reqs[len(reqs)-1]
	assert.Equal(t, api.ContainerRemove, last.Route)
	assert.JSONEq(t, `{"force": true}`, string(last.In))
}

// The output of bytes is as it came, whatever its kind.
func TestClientExitError(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	a.Handle(api.ContainerExec, says("out", "no such file", 2))
	b, err := c.Command("cat", "/none").Output(t.Context())
	ee, is := errors.AsType[*container.ExitError](err)
	require.True(t, is, "%v", err)
	assert.Equal(t, 2, ee.ExitCode)
	assert.Equal(t, "no such file", string(ee.Stderr))
	assert.EqualError(t, err, "exit status 2")
	assert.Equal(t, "out", string(b))

	both, err := c.Command("cat", "/none").CombinedOutput(t.Context())
	require.Error(t, err)
	assert.Equal(t, "outno such file", string(both))

	var out bytes.Buffer
	cmd := c.Command("cat")
	cmd.Stdout = &out
	require.ErrorAs(t, cmd.Run(t.Context()), &ee)
	assert.Nil(t, ee.Stderr)
	require.Error(t, cmd.Start(t.Context()), "a command runs once")
}
