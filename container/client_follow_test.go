//go:build linux

package container_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/agenttest"
	"github.com/caisson-dev/caisson/internal/api"
)

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
