//go:build linux

package container_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

// keepSpec is a ModifySpec that changes nothing.
func keepSpec(*specs.Spec) error { return nil }

func TestClientModifySpec(t *testing.T) {
	t.Parallel()
	a, e, _ := played(t)
	sent := make(chan specs.Spec, 1)
	a.Handle(api.ContainerCreateModified, agenttest.Upgrade(func(c *agenttest.Conn) {
		_ = c.Send(agenttest.Frame{Kind: api.Spec, JSON: specs.Spec{Hostname: "before"}})
		kind, p, err := c.In.Next()
		if err != nil || kind == api.Failure {
			_ = c.Send(agenttest.Frame{Kind: api.Failure, JSON: api.ToError(errors.New("undone"))})
			return
		}
		var after specs.Spec
		assert.NoError(t, json.Unmarshal(p, &after))
		sent <- after
		_ = c.Send(agenttest.Frame{Kind: api.Exit, JSON: api.Created{ID: playedID, Name: "web"}})
	}))
	c, err := e.Create(t.Context(), container.Options{Image: "app", ModifySpec: func(s *specs.Spec) error {
		s.Hostname += " and after"
		return nil
	}})
	require.NoError(t, err)
	assert.Equal(t, playedID, c.ID())
	spec := <-sent
	assert.Equal(t, "before and after", spec.Hostname)

	no := errors.New("not this one")
	_, err = e.Create(t.Context(), container.Options{Image: "app", ModifySpec: func(*specs.Spec) error { return no }})
	require.ErrorIs(t, err, no)
	_, err = e.Create(t.Context(), container.Options{Image: "app", ModifySpec: func(s *specs.Spec) error {
		s.Hostname = strings.Repeat("a", api.MaxFrame)
		return nil
	}})
	require.ErrorIs(t, err, container.ErrInvalidArgument)
}

// The agent gives a connection of the container's network away as a descriptor.
func TestClientDial(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		route api.Route
		call  func(ctx context.Context, c *container.Container) error
	}{
		"dial": {api.ContainerDial, func(ctx context.Context, c *container.Container) error {
			conn, err := c.Dial(ctx, "tcp", "127.0.0.1:80")
			if err == nil {
				conn.Close()
			}
			return err
		}},
		"listen": {api.ContainerListen, func(ctx context.Context, c *container.Container) error {
			l, err := c.Listen(ctx, "tcp", "127.0.0.1:80")
			if err == nil {
				l.Close()
			}
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _, cont := played(t)
			a.Handle(api.ContainerSocket, agenttest.Answer(a.Socket()))
			give := func(files ...*os.File) agenttest.Handler {
				return agenttest.Upgrade(func(c *agenttest.Conn) {
					if _, err := c.Buffered.ReadByte(); err != nil {
						return
					}
					var fds []int
					for _, f := range files {
						fds = append(fds, int(f.Fd()))
					}
					_, _, _ = c.Conn.(*net.UnixConn).WriteMsgUnix([]byte{1}, unix.UnixRights(fds...), nil)
				})
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer l.Close()
			f, err := l.(*net.TCPListener).File()
			require.NoError(t, err)
			defer f.Close()
			if name == "dial" {
				conn, err := net.Dial("tcp", l.Addr().String())
				require.NoError(t, err)
				defer conn.Close()
				f, err = conn.(*net.TCPConn).File()
				require.NoError(t, err)
				defer f.Close()
			}
			a.Handle(c.route, give(f))
			require.NoError(t, c.call(t.Context(), cont))
			reqs := a.Requests()
			assert.JSONEq(t, `{"network": "tcp", "address": "127.0.0.1:80"}`, string(reqs[len(reqs)-1].In))

			a.Handle(c.route, give())
			require.ErrorContains(t, c.call(t.Context(), cont), "the agent sent no file")
			a.Handle(c.route, agenttest.Fail(api.Errorf(api.ErrNotFound, "no such host")))
			require.ErrorIs(t, c.call(t.Context(), cont), container.ErrNotFound)
			ctx, cancel := context.WithCancel(t.Context())
			a.Handle(c.route, agenttest.Then(func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { cancel() }, agenttest.Hang()))
			require.ErrorIs(t, c.call(ctx, cont), context.Canceled)
			a.Handle(c.route, func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { a.Die("signal: killed") })
			require.ErrorIs(t, c.call(t.Context(), cont), container.ErrAgentGone)
		})
	}
}

func TestClientEvents(t *testing.T) {
	t.Parallel()
	a, e, _ := played(t)
	gone := make(chan struct{}, 1)
	open := agenttest.Then(agenttest.Events(agenttest.Progress(container.Event{ID: "1"}), agenttest.Progress(container.Event{ID: "2"})),
		func(_ http.ResponseWriter, r *http.Request, _ json.RawMessage, _ io.Reader) {
			<-r.Context().Done()
			gone <- struct{}{}
		})
	a.Handle(api.Events, open)
	for ev, err := range e.Events(t.Context(), container.EventsOptions{}) {
		require.NoError(t, err)
		assert.Equal(t, "1", ev.ID)
		break
	}
	<-gone // who leaves the loop ends the request

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var ids []string
	var last error
	for ev, err := range e.Events(ctx, container.EventsOptions{}) {
		if last = err; err != nil {
			continue
		}
		if ids = append(ids, ev.ID); len(ids) == 2 {
			cancel()
		}
	}
	require.ErrorIs(t, last, context.Canceled)
	assert.Equal(t, []string{"1", "2"}, ids)
	<-gone

	a.Handle(api.Events, agenttest.Events(agenttest.Progress("text")))
	for _, err := range e.Events(t.Context(), container.EventsOptions{}) {
		require.Error(t, err)
	}
	a.Handle(api.Events, agenttest.Then(agenttest.Events(agenttest.Progress(container.Event{ID: "1"})),
		func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { a.Die("signal: killed") }))
	for _, err := range e.Events(t.Context(), container.EventsOptions{}) {
		last = err
	}
	require.ErrorIs(t, last, container.ErrAgentGone)
}

func TestClientLogEntries(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	a.Handle(api.ContainerLogs, agenttest.Frames(stamped(api.Stdout, "one\ntw"), stamped(api.Stderr, "err"), stamped(api.Stdout, "o\n\nlast"),
		agenttest.Frame{Kind: api.Stdout, Data: "short"}))
	var got []string
	for e, err := range c.LogEntries(t.Context(), container.LogsOptions{}) {
		require.NoError(t, err)
		assert.True(t, e.Time.Equal(at))
		mark := ""
		if e.Stderr {
			mark = "!"
		}
		got = append(got, mark+e.Line)
	}
	assert.Equal(t, []string{"one", "two", "", "last", "!err"}, got)
	for range c.LogEntries(t.Context(), container.LogsOptions{}) {
		break
	}
}

// samples answers each request with the next, and then with an error.
func samples(then error, list ...api.Sample[container.Stats]) agenttest.Handler {
	next := make(chan agenttest.Handler, len(list))
	for _, s := range list {
		next <- agenttest.Answer(s)
	}
	return func(w http.ResponseWriter, r *http.Request, in json.RawMessage, body io.Reader) {
		select {
		case h := <-next:
			h(w, r, in, body)
		default:
			agenttest.Fail(then)(w, r, in, body)
		}
	}
}

func TestClientStatsStream(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	sample := func(after, cpu time.Duration, started time.Time) api.Sample[container.Stats] {
		return api.Sample[container.Stats]{Stats: container.Stats{Time: at.Add(after), CPU: cpu}, Started: started}
	}
	first, second := sample(10*time.Second, 5*time.Second, at), sample(11*time.Second, 7*time.Second, at)
	gone, broken := api.Errorf(api.ErrNotRunning, "container web: it is not running"), api.Errorf(api.ErrCorrupt, "no cgroup")
	for name, test := range map[string]struct {
		h    agenttest.Handler
		want []float64
		err  error
	}{
		"until it ends":     {samples(gone, first, second), []float64{50, 200}, nil},
		"until it restarts": {samples(broken, first, second, sample(12*time.Second, 0, at.Add(11*time.Second))), []float64{50, 200}, nil},
		"not running":       {samples(gone), nil, container.ErrNotRunning},
		"broken":            {samples(broken, first), []float64{50}, api.ErrCorrupt},
	} {
		a.Handle(api.ContainerStats, test.h)
		var got []float64
		var last error
		for st, err := range c.StatsStream(t.Context(), container.StatsOptions{Interval: time.Millisecond}) {
			if last = err; err == nil {
				got = append(got, st.CPUPercent)
			}
		}
		assert.Equal(t, test.want, got, name)
		require.ErrorIs(t, last, test.err, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a.Handle(api.ContainerStats, agenttest.Answer(first))
	var last error
	for _, last = range c.StatsStream(ctx, container.StatsOptions{Interval: time.Hour}) {
		cancel()
	}
	require.ErrorIs(t, last, context.Canceled)
}

func TestClientWaitRemoved(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	a.Handle(api.ContainerInspect, agenttest.Fail(api.Errorf(api.ErrNotFound, "no such container")))
	require.NoError(t, c.WaitRemoved(t.Context()))
	a.Handle(api.ContainerInspect, agenttest.Answer(info))
	a.Handle(api.Events, agenttest.Then(agenttest.Events(agenttest.Progress(container.Event{Action: container.EventDestroy})), agenttest.Hang()))
	require.NoError(t, c.WaitRemoved(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	a.Handle(api.Events, agenttest.Then(func(http.ResponseWriter, *http.Request, json.RawMessage, io.Reader) { cancel() }, agenttest.Hang()))
	require.ErrorIs(t, c.WaitRemoved(ctx), context.Canceled)
}

// A container is held until it is let go of, whatever becomes of the context that Hold was called with.
func TestClientHold(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	gone := make(chan struct{})
	a.Handle(api.ContainerHold, agenttest.Then(agenttest.Raw(200, ""), func(_ http.ResponseWriter, r *http.Request, _ json.RawMessage, _ io.Reader) {
		<-r.Context().Done()
		close(gone)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	release, err := c.Hold(ctx)
	require.NoError(t, err)
	cancel()
	a.Handle(api.ContainerPause, ok)
	require.NoError(t, c.Pause(t.Context()))
	select {
	case <-gone:
		t.Fatal("the end of the context let go")
	default:
	}
	release()
	<-gone
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	a, _, c := played(t)
	with := info
	with.Ports = []container.PortBinding{{Container: 80, Protocol: "tcp"}}
	a.Handle(api.ContainerInspect, agenttest.Answer(with))
	_, err := c.Addr(t.Context(), 80, "")
	require.NoError(t, err)
	_, err = c.Addr(t.Context(), 80, "udp")
	require.ErrorIs(t, err, container.ErrNotFound)
	with.State.Status, with.Ports = container.StatusExited, nil
	a.Handle(api.ContainerInspect, agenttest.Answer(with))
	_, err = c.Addr(t.Context(), 80, "")
	require.ErrorIs(t, err, container.ErrNotRunning)
}
