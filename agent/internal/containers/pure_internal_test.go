//go:build linux

package containers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
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

func TestFits(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	info := &container.Info{
		ID: "0123abc", Name: "web-1", Created: at, State: container.State{Status: container.StatusExited, ExitCode: 3},
		Options: container.Options{Labels: map[string]string{"a": "b"}, Networking: container.NetworkingConfig{Endpoints: []container.Endpoint{{Network: "app"}}}},
		Mounts:  []container.Mount{{Type: container.MountVolume, Source: "data", Target: "/data"}, {Type: container.MountBind, Source: "/src", Target: "/dst"}},
		Health:  &container.Health{Status: container.HealthHealthy},
	}
	all := container.ListOptions{All: true}
	with := func(f func(*container.ListOptions)) container.ListOptions {
		o := all
		f(&o)
		return o
	}
	for name, c := range map[string]struct {
		sel  selection
		want bool
	}{
		"all":             {selection{ListOptions: all}, true},
		"running alone":   {selection{}, false},
		"by exit code":    {selection{ListOptions: container.ListOptions{ExitCodes: []int{3}}}, true},
		"other exit code": {selection{ListOptions: container.ListOptions{ExitCodes: []int{0}}}, false},
		"id":              {selection{ListOptions: with(func(o *container.ListOptions) { o.IDs = []string{"ffff", "0123"} })}, true},
		"other id":        {selection{ListOptions: with(func(o *container.ListOptions) { o.IDs = []string{"123"} })}, false},
		"name":            {selection{ListOptions: with(func(o *container.ListOptions) { o.Names = []string{"eb"} })}, true},
		"other name":      {selection{ListOptions: with(func(o *container.ListOptions) { o.Names = []string{"db"} })}, false},
		"label":           {selection{ListOptions: with(func(o *container.ListOptions) { o.Labels = map[string]string{"a": ""} })}, true},
		"other label":     {selection{ListOptions: with(func(o *container.ListOptions) { o.Labels = map[string]string{"a": "c"} })}, false},
		"health":          {selection{ListOptions: with(func(o *container.ListOptions) { o.Health = []container.HealthStatus{container.HealthHealthy} })}, true},
		"network":         {selection{ListOptions: with(func(o *container.ListOptions) { o.Networks = []string{"app"} })}, true},
		"other network":   {selection{ListOptions: with(func(o *container.ListOptions) { o.Networks = []string{"bridge"} })}, false},
		"volume":          {selection{ListOptions: with(func(o *container.ListOptions) { o.Volumes = []string{"data"} })}, true},
		"target":          {selection{ListOptions: with(func(o *container.ListOptions) { o.Volumes = []string{"/dst"} })}, true},
		"source of bind":  {selection{ListOptions: with(func(o *container.ListOptions) { o.Volumes = []string{"/src"} })}, false},
		"before":          {selection{ListOptions: all, before: at.Add(1)}, true},
		"not before":      {selection{ListOptions: all, before: at}, false},
		"since":           {selection{ListOptions: all, since: at.Add(-1)}, true},
		"not since":       {selection{ListOptions: all, since: at}, false},
	} {
		assert.Equal(t, c.want, c.sel.fits(info), name)
	}
	info.Health = nil
	assert.False(t, (&selection{ListOptions: with(func(o *container.ListOptions) { o.Health = []container.HealthStatus{container.HealthHealthy} })}).fits(info))
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
