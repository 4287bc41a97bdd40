package names_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestValid(t *testing.T) {
	for name, want := range map[string]bool{
		"web": true, "w1": true, "a.b-c_d": true, "0a": true, strings.Repeat("a", 128): true,
		"": false, "a": false, ".a": false, "-a": false, "_a": false, "a/b": false, "a b": false, "..": false, "a\n": false, "ä1": false,
		strings.Repeat("a", 129): false,
	} {
		assert.Equal(t, want, names.Valid(name), "%q", name)
	}
}

func TestCheck(t *testing.T) {
	require.NoError(t, names.Check("Options.Name", "web"))
	err := names.Check("Options.Name", "a/b")
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.EqualError(t, err, `Options.Name "a/b": it must match ^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$`)
}

func TestCheckLabels(t *testing.T) {
	require.NoError(t, names.CheckLabels("Options.Labels", nil))
	require.NoError(t, names.CheckLabels("Options.Labels", map[string]string{"a": ""}))
	err := names.CheckLabels("Options.Labels", map[string]string{"": "a"})
	require.ErrorIs(t, err, api.ErrInvalidArgument)
	assert.ErrorContains(t, err, "Options.Labels")
}

func TestLabelled(t *testing.T) {
	labels := map[string]string{"a": "1", "b": ""}
	for _, c := range []struct {
		want map[string]string
		fits bool
	}{
		{nil, true},
		{map[string]string{"a": "1"}, true},
		{map[string]string{"a": ""}, true},
		{map[string]string{"a": "2"}, false},
		{map[string]string{"b": ""}, true},
		{map[string]string{"b": "1"}, false},
		{map[string]string{"c": ""}, false},
		{map[string]string{"a": "1", "c": ""}, false},
	} {
		assert.Equal(t, c.fits, names.Labelled(labels, c.want), "%v", c.want)
	}
}

func TestNewID(t *testing.T) {
	a, b := names.NewID(), names.NewID()
	assert.Regexp(t, "^[0-9a-f]{64}$", a)
	assert.NotEqual(t, a, b)
	assert.True(t, names.Valid(a), "an anonymous volume is called by its id")
}

func TestShort(t *testing.T) {
	assert.Equal(t, "0123456789ab", names.Short("0123456789abcdef"))
	assert.Equal(t, "012", names.Short("012"))
}

func TestMadeUp(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		name := names.MadeUp()
		assert.True(t, names.Valid(name), "%q", name)
		seen[name] = true
	}
	assert.Greater(t, len(seen), 90)
}

// TestNetworkNames: one letter is a network's name, and no container's or volume's.
func TestNetworkNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"a": true, "0": true, "app-1.x_y": true, strings.Repeat("a", 128): true,
		"": false, "-": false, ".a": false, "a/b": false, "a b": false, strings.Repeat("a", 129): false,
	} {
		err := names.CheckNetwork("Name", name)
		if want {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorIs(t, err, api.ErrInvalidArgument, name)
		require.ErrorContains(t, err, "Name ")
	}
	assert.False(t, names.Valid("a"))
}
