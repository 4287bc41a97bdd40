package selection_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/selection"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

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
		sel  selection.Selection
		want bool
	}{
		"all":             {selection.Selection{ListOptions: all}, true},
		"running alone":   {selection.Selection{}, false},
		"by exit code":    {selection.Selection{ListOptions: container.ListOptions{ExitCodes: []int{3}}}, true},
		"other exit code": {selection.Selection{ListOptions: container.ListOptions{ExitCodes: []int{0}}}, false},
		"id":              {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.IDs = []string{"ffff", "0123"} })}, true},
		"other id":        {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.IDs = []string{"123"} })}, false},
		"name":            {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Names = []string{"eb"} })}, true},
		"other name":      {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Names = []string{"db"} })}, false},
		"label":           {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Labels = map[string]string{"a": ""} })}, true},
		"other label":     {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Labels = map[string]string{"a": "c"} })}, false},
		"health":          {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Health = []container.HealthStatus{container.HealthHealthy} })}, true},
		"network":         {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Networks = []string{"app"} })}, true},
		"other network":   {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Networks = []string{"bridge"} })}, false},
		"volume":          {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Volumes = []string{"data"} })}, true},
		"target":          {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Volumes = []string{"/dst"} })}, true},
		"source of bind":  {selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Volumes = []string{"/src"} })}, false},
		"before":          {selection.Selection{ListOptions: all, CreatedBefore: at.Add(1)}, true},
		"not before":      {selection.Selection{ListOptions: all, CreatedBefore: at}, false},
		"since":           {selection.Selection{ListOptions: all, CreatedSince: at.Add(-1)}, true},
		"not since":       {selection.Selection{ListOptions: all, CreatedSince: at}, false},
	} {
		assert.Equal(t, c.want, c.sel.Fits(info), name)
	}
	info.Health = nil
	assert.False(t, (&selection.Selection{ListOptions: with(func(o *container.ListOptions) { o.Health = []container.HealthStatus{container.HealthHealthy} })}).Fits(info))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	require.NoError(t, (&selection.Selection{}).Check())
	ok := container.ListOptions{Statuses: []container.Status{container.StatusDamaged, container.StatusPaused}, Health: []container.HealthStatus{container.HealthStarting}}
	require.NoError(t, (&selection.Selection{ListOptions: ok}).Check())
	err := (&selection.Selection{ListOptions: container.ListOptions{Statuses: []container.Status{"up"}}}).Check()
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	require.ErrorContains(t, err, `ListOptions.Statuses "up": it must be one of created, `)
	err = (&selection.Selection{ListOptions: container.ListOptions{Health: []container.HealthStatus{"good"}}}).Check()
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	require.ErrorContains(t, err, `ListOptions.Health "good": it must be one of starting, `)
}
