package container_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestListSelects(t *testing.T) {
	e := newEngine(t)
	ctx := t.Context()
	buildImage(t, e.Store(), "localhost/derived:1", "FROM "+testImage+"\nLABEL derived=yes\nCOPY note /derived\n")
	// A label of all keeps containers of other tests out.
	mine := func(more ...string) map[string]string {
		l := map[string]string{"test": "select"}
		for _, k := range more {
			l[k] = "x"
		}
		return l
	}
	dropVolume(t, e, "sel-data")
	first := start(t, e, container.Options{Name: "sel-first", Labels: mine("tier"), Cmd: []string{"sleep", "1h"}, Network: container.NetworkNone,
		Mounts: []container.Mount{{Type: container.MountVolume, Source: "sel-data", Target: "/var/sel"}},
		Health: container.HealthConfig{Test: []string{"CMD", "/bin/testbox", "true"}, Interval: time.Hour, StartInterval: time.Millisecond, StartPeriod: time.Hour}})
	require.NoError(t, first.WaitHealthy(soon(t)))
	second := start(t, e, container.Options{Name: "sel-second", Labels: mine(), Cmd: []string{"exit", "3"}, Image: "localhost/derived:1"})
	_, err := second.Wait(soon(t))
	require.NoError(t, err)
	third := create(t, e, container.Options{Name: "sel-third", Labels: mine("tier", "other")})

	all := []*container.Container{third, second, first}
	only := func(c ...*container.Container) []*container.Container { return c }
	for name, tc := range map[string]struct {
		opts container.ListOptions
		want []*container.Container // newest first
	}{
		"running":              {container.ListOptions{}, only(first)},
		"all":                  {container.ListOptions{All: true}, all},
		"id":                   {container.ListOptions{All: true, IDs: []string{"zz", second.ID()[:12]}}, only(second)},
		"part of a name":       {container.ListOptions{All: true, Names: []string{"-fir", "-thi"}}, only(third, first)},
		"label":                {container.ListOptions{All: true, Labels: map[string]string{"tier": ""}}, only(third, first)},
		"label with its value": {container.ListOptions{All: true, Labels: map[string]string{"tier": "y"}}, nil},
		"labels":               {container.ListOptions{All: true, Labels: map[string]string{"tier": "x", "other": "x"}}, only(third)},
		"state":                {container.ListOptions{Statuses: []container.Status{container.StatusExited, container.StatusCreated}}, only(third, second)},
		"exit code":            {container.ListOptions{ExitCodes: []int{1, 3}}, only(second)},
		"exit code of none":    {container.ListOptions{ExitCodes: []int{0}}, nil},
		"health":               {container.ListOptions{All: true, Health: []container.HealthStatus{container.HealthHealthy}}, only(first)},
		"image":                {container.ListOptions{All: true, Images: []string{testImage}}, all},
		"derived image":        {container.ListOptions{All: true, Images: []string{"localhost/derived:1"}}, only(second)},
		"network":              {container.ListOptions{All: true, Networks: []string{"none"}}, only(first)},
		"default network":      {container.ListOptions{All: true, Networks: []string{"bridge"}}, only(third, second)},
		"volume":               {container.ListOptions{All: true, Volumes: []string{"sel-data"}}, only(first)},
		"where it is mounted":  {container.ListOptions{All: true, Volumes: []string{"/var/sel"}}, only(first)},
		"before":               {container.ListOptions{All: true, Before: "sel-third"}, only(second, first)},
		"since":                {container.ListOptions{All: true, Since: first.ID()[:12]}, only(third, second)},
		"several fields":       {container.ListOptions{All: true, Before: "sel-third", Names: []string{"second", "third"}}, only(second)},
	} {
		t.Run(name, func(t *testing.T) {
			labels := mine()
			for k, v := range tc.opts.Labels {
				labels[k] = v
			}
			tc.opts.Labels = labels
			infos, err := e.List(ctx, tc.opts)
			require.NoError(t, err)
			var got, want []string
			for _, i := range infos {
				got = append(got, i.Name)
			}
			for _, c := range tc.want {
				want = append(want, c.Name())
			}
			assert.Equal(t, want, got)
		})
	}
	for name, tc := range map[string]struct {
		opts container.ListOptions
		want error
		says string
	}{
		"state":  {container.ListOptions{Statuses: []container.Status{"asleep"}}, container.ErrInvalidArgument, `ListOptions.Statuses "asleep": it must be one of created, running`},
		"health": {container.ListOptions{Health: []container.HealthStatus{"fine"}}, container.ErrInvalidArgument, `ListOptions.Health "fine"`},
		"image":  {container.ListOptions{Images: []string{"localhost/nowhere:1"}}, container.ErrNotFound, "localhost/nowhere:1"},
		"before": {container.ListOptions{Before: "nobody"}, container.ErrNotFound, "nobody"},
		"since":  {container.ListOptions{Since: "nobody"}, container.ErrNotFound, "nobody"},
	} {
		t.Run("wrong "+name, func(t *testing.T) {
			_, err := e.List(ctx, tc.opts)
			require.ErrorIs(t, err, tc.want)
			assert.ErrorContains(t, err, tc.says)
		})
	}
}

func TestPruneSelects(t *testing.T) {
	e := newEngine(t)
	label := func(kv ...string) map[string]string {
		l := map[string]string{"test": "prune"}
		for i := 0; i < len(kv); i += 2 {
			l[kv[i]] = kv[i+1]
		}
		return l
	}
	keep := create(t, e, container.Options{Detach: true, Labels: label("keep", "yes")})
	plain := create(t, e, container.Options{Detach: true, Labels: label()})
	late := create(t, e, container.Options{Detach: true, Labels: label()})
	info, err := late.Inspect(t.Context())
	require.NoError(t, err)
	prune := func(opts container.PruneOptions) []string {
		opts.Labels = label()
		res, err := e.Prune(t.Context(), opts)
		require.NoError(t, err)
		slices.Sort(res.Deleted)
		return res.Deleted
	}
	assert.Empty(t, prune(container.PruneOptions{Until: info.Created.Add(-time.Hour)}))
	assert.Equal(t, []string{plain.ID()}, prune(container.PruneOptions{Until: info.Created.Add(-time.Nanosecond), NotLabels: map[string]string{"keep": ""}}))
	assert.Equal(t, []string{late.ID()}, prune(container.PruneOptions{NotLabels: map[string]string{"keep": "yes"}}))
	assert.Equal(t, []string{keep.ID()}, prune(container.PruneOptions{NotLabels: map[string]string{"keep": "no"}}))
}

// TestPruneJustEnded: a container whose agent has not left yet is removed, and not only said to be.
func TestPruneJustEnded(t *testing.T) {
	e := newEngine(t)
	labels := map[string]string{"test": "prune-ended"}
	for range 5 {
		c := start(t, e, container.Options{Detach: true, Labels: labels, Cmd: []string{"true"}})
		_, err := c.Wait(t.Context())
		require.NoError(t, err)
		res, err := e.Prune(t.Context(), container.PruneOptions{Labels: labels})
		require.NoError(t, err)
		assert.Equal(t, []string{c.ID()}, res.Deleted)
		list, err := e.List(t.Context(), container.ListOptions{All: true, Labels: labels})
		require.NoError(t, err)
		assert.Empty(t, list)
	}
}

// TestListSeesChanges: List remembers what it has read, and sees at once what has changed since.
func TestListSeesChanges(t *testing.T) {
	e := newEngine(t)
	ctx := t.Context()
	label := map[string]string{"changes": t.Name()}
	c := create(t, e, container.Options{Cmd: []string{"sleep", "1h"}, Labels: label})
	list := func() []container.Info {
		infos, err := e.List(ctx, container.ListOptions{All: true, Labels: label})
		require.NoError(t, err)
		return infos
	}
	remember := func(state container.Status) {
		for begin := time.Now(); time.Since(begin) < 250*time.Millisecond; {
			require.Equal(t, state, list()[0].State.Status)
		}
	}
	remember(container.StatusCreated)
	require.NoError(t, c.Start(ctx))
	remember(container.StatusRunning)
	require.NoError(t, c.Rename(ctx, "changed-name"))
	assert.Equal(t, "changed-name", list()[0].Name)
	require.NoError(t, c.Kill(ctx, "KILL"))
	_, err := c.Wait(soon(t))
	require.NoError(t, err)
	remember(container.StatusExited)
	require.NoError(t, c.Remove(ctx, container.RemoveOptions{}))
	assert.Empty(t, list())
}
