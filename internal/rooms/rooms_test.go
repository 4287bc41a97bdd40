package rooms_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/rooms"
)

func TestSizes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		room rooms.Room
		e    []rooms.Exception
		want []string
	}{
		"fits":            {rooms.Room{Path: "a", Files: 30, Lines: 4000}, nil, nil},
		"too many lines":  {rooms.Room{Path: "a", Files: 1, Lines: 4001}, nil, []string{"a has 1 files and 4001 lines: a room has at most 30 and 4000: divide it"}},
		"too many files":  {rooms.Room{Path: "a", Files: 31}, nil, []string{"a has 31 files and 0 lines: a room has at most 30 and 4000: divide it"}},
		"excepted":        {rooms.Room{Path: "a", Files: 40, Lines: 100}, []rooms.Exception{{"a", 41, 0, "why"}}, nil},
		"grows":           {rooms.Room{Path: "a", Files: 42, Lines: 100}, []rooms.Exception{{"a", 41, 0, "why"}}, []string{"a has 42 files and 100 lines: its exception is for 41 and 4000: an exception never grows"}},
		"has shrunk":      {rooms.Room{Path: "a", Files: 35, Lines: 100}, []rooms.Exception{{"a", 41, 0, "why"}}, []string{"a has shrunk to 35 files and 100 lines: lower its exception for 41 and 0"}},
		"half not needed": {rooms.Room{Path: "a", Files: 40, Lines: 100}, []rooms.Exception{{"a", 41, 5000, "why"}}, []string{"a has shrunk to 40 files and 100 lines: lower its exception for 41 and 5000"}},
		"not needed":      {rooms.Room{Path: "a", Files: 20, Lines: 100}, []rooms.Exception{{"a", 41, 0, "why"}}, []string{"a needs no exception any more: remove it"}},
		"gone, no reason": {rooms.Room{Path: "a"}, []rooms.Exception{{"b", 41, 0, ""}}, []string{"there is no room b: remove its exception", "the exception of b needs a reason"}},
	} {
		assert.Equal(t, c.want, rooms.Sizes([]rooms.Room{c.room}, c.e), name)
	}
}

func TestUpward(t *testing.T) {
	t.Parallel()
	all := []rooms.Room{
		{Path: "top", Imports: []string{"m/mid", "m/low/x", "fmt", "more/top"}},
		{Path: "mid", Imports: []string{"m/mid2"}},
		{Path: "mid2"},
		{Path: "low/x", Imports: []string{"m/top"}},
		{Path: "new"},
	}
	assert.Equal(t, []string{
		"mid imports mid2, which does not stand on a lower floor",
		"low/x imports top, which does not stand on a lower floor",
		"new has no floor: say where it stands",
		"there is no room gone: remove its floor",
	}, rooms.Upward(all, "m", [][]string{{"top"}, {"mid", "mid2"}, {"low/...", "gone"}}))
}

func TestReached(t *testing.T) {
	t.Parallel()
	all := []rooms.Room{{Path: "net/dns", Deps: []string{"m/net/plan", "m/spec", "other/api", "other/api/x"}}, {Path: "nets", Deps: []string{"m/spec"}}}
	assert.Equal(t, []string{
		"net/dns must not reach m/spec: it stands alone",
		"net/dns must not reach other/api: it stands alone",
		"there is no room gone: remove its rule",
	}, rooms.Reached(all, "m", []rooms.Rule{
		{Room: "net", Forbidden: []string{"m", "other"}, Except: []string{"other/api/x"}, Why: "it stands alone"}, {Room: "gone"},
	}))
}

func TestList(t *testing.T) {
	t.Parallel()
	all, err := rooms.List(".", "github.com/caisson-dev/caisson/internal/rooms")
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Empty(t, all[0].Path)
	assert.Equal(t, 3, all[0].Files)
	assert.Greater(t, all[0].Lines, 100)
	assert.Contains(t, all[0].Imports, "os/exec")
}
