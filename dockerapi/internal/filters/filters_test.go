package filters_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/dockerapi/internal/filters"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]filters.Filters{
		"":                               {},
		`{"name":{"b":true,"a":true}}`:   {"name": {"a", "b"}},
		`{"name":["x"],"label":["y=z"]}`: {"name": {"x"}, "label": {"y=z"}},
	} {
		f, err := filters.Parse(text, "name", "label")
		require.NoError(t, err)
		assert.Equal(t, want, f)
	}
	for _, text := range []string{"[", `{"name":1}`, `{"other":["x"]}`} {
		_, err := filters.Parse(text, "name")
		assert.ErrorContains(t, err, "invalid filter", text)
	}
}

func TestFits(t *testing.T) {
	f := filters.Filters{"name": {"^web$"}, "label": {"a", "b=1"}, "label!": {"c"}, "dangling": {"true"}, "odd": {"x"}}
	assert.True(t, f.Match("name", "web"))
	assert.False(t, f.Match("name", "webs"))
	assert.True(t, f.Labels(map[string]string{"a": "", "b": "1"}))
	assert.False(t, f.Labels(map[string]string{"a": "", "b": "2"}))
	assert.False(t, f.Labels(map[string]string{"a": "", "b": "1", "c": ""}))
	on, err := f.Bool("dangling", false)
	require.NoError(t, err)
	assert.True(t, on)
	_, err = f.Bool("odd", false)
	require.Error(t, err)
}

func TestMoment(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "0": {}, "10m": now.Add(-10 * time.Minute), "1767323045": now, "1767323045.5": now.Add(time.Second / 2), "2026-01-02T03:04:05Z": now,
	} {
		got, err := filters.Moment(text, now)
		require.NoError(t, err)
		assert.True(t, want.Equal(got), "%s: %s", text, got)
	}
	_, err := filters.Moment("yesterday", now)
	require.Error(t, err)
}
