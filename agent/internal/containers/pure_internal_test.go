//go:build linux

package containers

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestNextHealth(t *testing.T) {
	t.Parallel()
	h := container.Health{Status: container.HealthStarting}
	for i, c := range []struct {
		exit     int
		starting bool
		status   container.HealthStatus
		streak   int
	}{
		{1, true, container.HealthStarting, 0}, // does not count yet
		{1, false, container.HealthStarting, 1},
		{1, false, container.HealthUnhealthy, 2},
		{1, false, container.HealthUnhealthy, 3},
		{0, false, container.HealthHealthy, 0},
		{1, true, container.HealthHealthy, 1}, // it has been healthy: it counts
		{0, true, container.HealthHealthy, 0},
	} {
		before := len(h.Log)
		h = nextHealth(h, container.HealthResult{ExitCode: c.exit}, c.starting, 2)
		assert.Equal(t, c.status, h.Status, "%d", i)
		assert.Equal(t, c.streak, h.FailingStreak, "%d", i)
		assert.Len(t, h.Log, min(before+1, healthLog))
	}
}

func TestDue(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1000, 0)
	for name, c := range map[string]struct {
		policy   container.RestartPolicy
		restarts int
		off      bool
		backoff  time.Duration
		exit     int
		ran      time.Duration
		after    time.Duration // 0: it does not come back
	}{
		"none":                {},
		"no":                  {policy: container.RestartPolicy{Mode: container.RestartNo}, exit: 1},
		"always":              {policy: container.RestartPolicy{Mode: container.RestartAlways}, after: firstBackoff},
		"unless stopped":      {policy: container.RestartPolicy{Mode: container.RestartUnlessStopped}, after: firstBackoff},
		"called off":          {policy: container.RestartPolicy{Mode: container.RestartAlways}, off: true},
		"on failure, success": {policy: container.RestartPolicy{Mode: container.RestartOnFailure}},
		"on failure":          {policy: container.RestartPolicy{Mode: container.RestartOnFailure}, exit: 1, restarts: 100, after: firstBackoff},
		"retries left":        {policy: container.RestartPolicy{Mode: container.RestartOnFailure, MaxRetries: 3}, exit: 1, restarts: 2, after: firstBackoff},
		"no retries left":     {policy: container.RestartPolicy{Mode: container.RestartOnFailure, MaxRetries: 3}, exit: 1, restarts: 3},
		"again":               {policy: container.RestartPolicy{Mode: container.RestartAlways}, backoff: time.Second, after: 2 * time.Second},
		"at most":             {policy: container.RestartPolicy{Mode: container.RestartAlways}, backoff: 50 * time.Second, after: lastBackoff},
		"after a long run":    {policy: container.RestartPolicy{Mode: container.RestartAlways}, backoff: 50 * time.Second, ran: longRun, after: firstBackoff},
	} {
		m := &managed{rec: &records.Record{Container: spec.Container{Options: container.Options{Lifecycle: container.LifecycleConfig{Restart: c.policy}}}}}
		m.st.Restarts, m.restarts = c.restarts, restarts{calledOff: c.off, backoff: c.backoff}
		after, again := m.due(container.State{ExitCode: c.exit, Started: begin, Finished: begin.Add(c.ran)})
		assert.Equal(t, c.after != 0, again, name)
		assert.Equal(t, c.after, after, name)
	}
}

func TestEndpoints(t *testing.T) {
	t.Parallel()
	given := []container.Endpoint{{Network: "app"}}
	assert.Equal(t, given, endpoints(&container.Options{Networking: container.NetworkingConfig{Endpoints: given}}))
	assert.Equal(t, []container.Endpoint{{Network: string(container.NetworkDefault)}}, endpoints(&container.Options{}))
	for _, mode := range []container.NetworkMode{container.NetworkNone, container.NetworkHost, "container:1"} {
		assert.Empty(t, endpoints(&container.Options{Network: mode}))
	}
}

func TestStale(t *testing.T) {
	t.Parallel()
	rec := &records.Record{Created: time.Now().Add(-time.Hour)}
	st := &records.State{}
	assert.False(t, stale(rec, st), "without an idle timeout a container stays")
	rec.Options.Lifecycle.IdleTimeout = time.Minute
	assert.True(t, stale(rec, st))
	st.State.Finished = time.Now()
	assert.False(t, stale(rec, st), "it has run since")
}

// TestDetachAgain: the agent of a detached container that is killed before it has begun is replaced, and not for ever.
func TestDetachAgain(t *testing.T) {
	t.Parallel()
	gone := api.Errorf(api.ErrAgentGone, "killed")
	for name, c := range map[string]struct {
		answers []error
		want    error
	}{
		"at once":      {[]error{nil}, nil},
		"killed once":  {[]error{gone, nil}, nil},
		"killed again": {[]error{gone, gone, gone}, api.ErrAgentGone},
		"refused":      {[]error{api.ErrNotFound}, api.ErrNotFound},
	} {
		tries := 0
		s := &Service{Config: Config{Detach: func(context.Context, string, *os.File) (string, error) {
			tries++
			return "socket", c.answers[tries-1]
		}}}
		_, err := s.detach(t.Context(), "id", nil)
		assert.ErrorIs(t, err, c.want, name)
		assert.Len(t, c.answers, tries, name)
	}
}
