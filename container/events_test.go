package container_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// eventsOf returns what happened to a container since then.
func eventsOf(t *testing.T, e *container.Engine, since time.Time, id string) []container.Event {
	t.Helper()
	var out []container.Event
	for ev, err := range e.Events(t.Context(), container.EventsOptions{Since: since, Until: time.Now(), Container: id}) {
		require.NoError(t, err)
		out = append(out, ev)
	}
	return out
}

func actions(events []container.Event) []container.EventAction {
	var out []container.EventAction
	for _, e := range events {
		out = append(out, e.Action)
	}
	return out
}

func TestEvents(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	begin := time.Now()
	c := create(t, e, container.Options{Name: "events-1", Cmd: []string{"trap", "terminated"}, Labels: map[string]string{"a": "b"}})
	require.NoError(t, c.Start(ctx))
	waitForLog(t, c, "ready")
	require.NoError(t, c.Rename(ctx, "events-2"))
	require.NoError(t, c.Stop(ctx, container.StopOptions{}))
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	got := eventsOf(t, e, begin, c.ID())
	require.Equal(t, []container.EventAction{
		container.EventCreate, container.EventStart, container.EventRename, container.EventKill, container.EventDie,
		container.EventStop, container.EventDestroy,
	}, actions(got))
	last := begin
	for _, ev := range got {
		assert.Equal(t, container.EventContainer, ev.Type)
		assert.Equal(t, c.ID(), ev.ID)
		assert.Equal(t, testImage, ev.Image)
		assert.Equal(t, map[string]string{"a": "b"}, ev.Labels)
		assert.False(t, ev.Time.Before(last))
		last = ev.Time
	}
	assert.Equal(t, "events-1", got[0].Name)
	assert.Equal(t, "events-2", got[6].Name)
	assert.Equal(t, map[string]string{"oldName": "events-1"}, got[2].Attributes)
	assert.Equal(t, map[string]string{"signal": "SIGTERM"}, got[3].Attributes)
	assert.Equal(t, map[string]string{"exitCode": "42"}, got[4].Attributes)
	assert.Equal(t, actions(got[:2]), actions(eventsOf(t, e, begin, "events-1")), "by the name that it had")
}

func TestEventsOfFailures(t *testing.T) { // not beside others: it looks for events of all containers
	e := newEngine(t)
	begin := time.Now()
	c := create(t, e, container.Options{Entrypoint: []string{"/no/such"}})
	require.Error(t, c.Start(t.Context()))
	got := eventsOf(t, e, begin, c.ID())
	require.Equal(t, []container.EventAction{container.EventCreate, container.EventDie}, actions(got))
	assert.Equal(t, "127", got[1].Attributes["exitCode"])

	begin = time.Now()
	_, err := e.Create(t.Context(), container.Options{Image: testImage, Name: "-bad"})
	require.Error(t, err)
	assert.Empty(t, eventsOf(t, e, begin, ""))

	killed := start(t, e, container.Options{Cmd: []string{"kill", "9"}, AutoRemove: true})
	_, err = killed.Wait(t.Context())
	require.NoError(t, err)
	got = eventsOf(t, e, begin, killed.ID())
	require.Equal(t, []container.EventAction{container.EventCreate, container.EventStart, container.EventDie, container.EventDestroy}, actions(got))
}

// TestEventsOfCommands: a command's beginning and its end, which belong together; one that does not start is none.
func TestEventsOfCommands(t *testing.T) {
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{
		Cmd: []string{"sleep", "1h"}, Network: container.NetworkNone,
		Health: container.HealthConfig{Test: []string{"CMD", "/bin/testbox", "true"}, Interval: 10 * time.Millisecond},
	})
	require.NoError(t, c.WaitHealthy(ctx), "health checks are not told of")
	begin := time.Now()
	var code *container.ExitError
	require.ErrorAs(t, c.Command("/bin/testbox", "exit", "3").Run(ctx), &code)
	require.ErrorIs(t, c.Command("/no/such").Run(ctx), container.ErrCommandNotFound)
	require.ErrorAs(t, c.Command("/bin/testbox", "kill", "9").Run(ctx), &code)
	left := c.Command("/bin/testbox", "exit", "4")
	left.Detach = true
	require.NoError(t, left.Start(ctx))

	long, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var got []container.Event
	for ev, err := range e.Events(long, container.EventsOptions{
		Since: begin, Container: c.ID(), Actions: []container.EventAction{container.EventExec, container.EventExecDie},
	}) {
		require.NoError(t, err)
		if got = append(got, ev); len(got) == 6 {
			break
		}
	}
	for i, want := range []map[string]string{
		{"command": "/bin/testbox exit 3", "exitCode": "3"},
		{"command": "/bin/testbox kill 9", "exitCode": "137", "signal": "SIGKILL"},
		{"command": "/bin/testbox exit 4", "exitCode": "4"},
	} {
		first, last := got[2*i], got[2*i+1]
		assert.Equal(t, container.EventExec, first.Action)
		assert.Equal(t, container.EventExecDie, last.Action)
		id := first.Attributes["execID"]
		assert.NotEmpty(t, id)
		assert.Equal(t, map[string]string{"execID": id, "command": want["command"]}, first.Attributes)
		want["execID"] = id
		assert.Equal(t, want, last.Attributes)
		assert.Equal(t, c.Name(), last.Name)
	}
}

func TestEventsFollowed(t *testing.T) {
	e := newEngine(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	begin := time.Now()
	c := create(t, e, container.Options{Cmd: []string{"exit", "3"}})
	n := 0
	var at time.Duration
	for ev, err := range e.Events(ctx, container.EventsOptions{
		Since: begin, Container: c.ID(), Actions: []container.EventAction{container.EventCreate, container.EventDie},
	}) {
		require.NoError(t, err)
		if n++; n == 1 {
			require.Equal(t, container.EventCreate, ev.Action)
			require.NoError(t, c.Start(ctx), "while the stream is open")
			continue
		}
		at = time.Since(ev.Time)
		require.Equal(t, container.EventDie, ev.Action)
		assert.Equal(t, "3", ev.Attributes["exitCode"])
		break
	}
	assert.Equal(t, 2, n)
	assert.Less(t, at, 10*time.Second, "events arrive when they happen")

	stopped, stop := context.WithCancel(ctx)
	time.AfterFunc(20*time.Millisecond, stop)
	var ended error
	for _, err := range e.Events(stopped, container.EventsOptions{Types: []container.EventType{container.EventNetwork}}) {
		ended = err
	}
	require.ErrorIs(t, ended, context.Canceled)
}
