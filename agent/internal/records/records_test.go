//go:build linux

package records_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/names"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/agent/internal/spec"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
)

func open(t *testing.T) *records.Store {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "containers"), 0o700))
	s, err := records.Open(filepath.Join(dir, "containers"), filepath.Join(dir, "names"), filepath.Join(dir, "lock"))
	require.NoError(t, err)
	return s
}

// create makes a container that exists, or without a state one that is being made.
func create(t *testing.T, s *records.Store, id, name string, exists bool) *records.Record {
	rec := &records.Record{Container: spec.Container{ID: id}, Name: name}
	require.NoError(t, os.Mkdir(s.Dir(id), 0o700))
	require.NoError(t, s.SaveRecord(rec))
	require.NoError(t, s.Claim(name, id))
	if exists {
		require.NoError(t, s.SaveState(rec, &records.State{State: container.State{Status: container.StatusCreated}}))
	}
	return rec
}

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := s.Record("1")
	require.ErrorIs(t, err, api.ErrNotFound)
	rec := create(t, s, "1", "web", false)
	assert.False(t, s.Exists("1"), "it is half made")
	_, err = s.State("1")
	require.ErrorIs(t, err, api.ErrNotFound)
	require.NoError(t, s.SaveState(rec, &records.State{Pid: 7}))
	assert.True(t, s.Exists("1"))
	got, err := s.Record("1")
	require.NoError(t, err)
	assert.Equal(t, rec, got)
	st, err := s.State("1")
	require.NoError(t, err)
	assert.Equal(t, 7, st.Pid)

	require.NoError(t, s.Save(rec, "spec.json", map[string]int{"a": 1}))
	var m map[string]int
	require.NoError(t, s.Load("1", "spec.json", &m))
	assert.Equal(t, map[string]int{"a": 1}, m)
	require.NoError(t, os.WriteFile(s.Path("1", "spec.json"), []byte("{"), 0o600))
	require.ErrorContains(t, s.Load("1", "spec.json", &m), "container 1: its file spec.json is damaged")
	require.NoError(t, os.WriteFile(s.Path("1", "spec.json"), nil, 0o600))
	require.ErrorIs(t, s.Load("1", "spec.json", &m), api.ErrCorrupt)

	require.NoError(t, s.Unmake("1"))
	require.NoError(t, s.Unmake("1"))
	assert.False(t, s.Exists("1"))
	require.NoError(t, s.Remove("1"))
	assert.NoDirExists(t, s.Dir("1"))
}

func TestAll(t *testing.T) {
	t.Parallel()
	s := open(t)
	create(t, s, "1", "a1", true)
	create(t, s, "2", "b2", false)
	require.NoError(t, os.Mkdir(s.Dir("3"), 0o700)) // not even a record
	all, err := s.All()
	require.NoError(t, err)
	require.Len(t, all, 2)
	ids, err := s.IDs()
	require.NoError(t, err)
	assert.Equal(t, []string{"1", "2", "3"}, ids)
}

// TestDamage: a damaged record harms its container alone, whose name is known. What a crash of the machine leaves of one
// that was not durable is lost.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := open(t)
	create(t, s, "1", "good", true)
	for name, c := range map[string]struct {
		durable       bool
		record, state string // "-": as it was
		lost          bool
	}{
		"a durable one's record is empty": {true, "", "-", false}, "another's is empty": {false, "", "-", true},
		"a record is broken": {false, "{", "-", false}, "both are empty": {true, "", "", true},
		"both are broken": {true, "{", "{", false}, "one that is being made": {true, "", "none", true},
	} {
		id := strings.ReplaceAll(name, " ", "")
		rec := create(t, s, id, id+"-name", false)
		rec.Options.Detach = c.durable
		require.NoError(t, s.SaveState(rec, &records.State{}))
		require.NoError(t, os.WriteFile(s.Path(id, "config.json"), []byte(c.record), 0o600))
		switch c.state {
		case "-":
		case "none":
			require.NoError(t, s.Unmake(id))
		default:
			require.NoError(t, os.WriteFile(s.Path(id, "state.json"), []byte(c.state), 0o600))
		}
		_, err := s.Record(id)
		require.ErrorIs(t, err, api.ErrCorrupt, name)
		_, err = s.CachedRecord(id)
		require.ErrorIs(t, err, api.ErrCorrupt, name)
		assert.Equal(t, c.lost, s.Lost(id), name)
		assert.Equal(t, id+"-name", s.NameOf(id))
	}
	all, err := s.All()
	require.NoError(t, err)
	assert.Len(t, all, 1)
	assert.Empty(t, s.NameOf("none"))
}

func TestLookup(t *testing.T) {
	t.Parallel()
	s := open(t)
	web, db := "aa"+strings.Repeat("1", 62), "ab"+strings.Repeat("2", 62)
	create(t, s, web, "web", true)
	create(t, s, db, "db", true)
	create(t, s, "ac"+strings.Repeat("3", 62), "half", false)
	for ref, want := range map[string]string{"web": web, web: web, "aa": web, "ab2": db, "db": db} {
		id, err := s.Lookup(ref)
		require.NoError(t, err, ref)
		assert.Equal(t, want, id, ref)
	}
	for ref, want := range map[string]error{
		"": api.ErrInvalidArgument, "a": api.ErrAmbiguous, "b": api.ErrNotFound, "half": api.ErrNotFound, "ac": api.ErrNotFound,
		"..": api.ErrNotFound, "/web": api.ErrNotFound, "../names": api.ErrNotFound, names.NewID(): api.ErrNotFound,
	} {
		_, err := s.Lookup(ref)
		require.ErrorIs(t, err, want, "%q", ref)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	s := open(t)
	create(t, s, "1", "web", true)
	err := s.Claim("web", "2")
	require.ErrorIs(t, err, api.ErrNameInUse)
	assert.ErrorContains(t, err, `container name "web": container 1 has it`)
	require.NoError(t, s.Release("web", "2"), "it is another's")
	require.ErrorIs(t, s.Claim("web", "2"), api.ErrNameInUse)
	require.NoError(t, s.Release("web", "1"))
	require.NoError(t, s.Release("web", "1"))
	require.NoError(t, s.Claim("web", "2"))
	// The container of the name went in a crash.
	require.NoError(t, s.Claim("web", "3"))
	_, err = s.Lookup("web")
	require.ErrorIs(t, err, api.ErrNotFound)
	require.NoError(t, s.Sync())
	require.NoError(t, s.SyncNames())

	require.Equal(t, "web", s.NameOf("3"))
	create(t, s, "4", "db", true)
	require.NoError(t, s.Claim("second", "4"))
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(s.Dir("x")), "..", "names", "file"), nil, 0o600))
	require.NoError(t, s.Sweep())
	require.NoFileExists(t, filepath.Join(filepath.Dir(s.Dir("x")), "..", "names", "file"))
	assert.Empty(t, s.NameOf("3"), "its container went")
	for _, name := range []string{"db", "second"} {
		id, err := s.Lookup(name)
		require.NoError(t, err)
		assert.Equal(t, "4", id)
	}
}

func TestCache(t *testing.T) {
	t.Parallel()
	s := open(t)
	rec := create(t, s, "1", "web", true)
	past := time.Now().Add(-time.Minute)
	for _, name := range []string{"config.json", "state.json"} {
		require.NoError(t, os.Chtimes(s.Path("1", name), past, past))
	}
	a, err := s.CachedRecord("1")
	require.NoError(t, err)
	b, err := s.CachedRecord("1")
	require.NoError(t, err)
	assert.Same(t, a, b)
	st, err := s.CachedState("1")
	require.NoError(t, err)
	assert.Equal(t, container.StatusCreated, st.State.Status)

	rec.Name = "other"
	require.NoError(t, s.SaveRecord(rec))
	b, err = s.CachedRecord("1")
	require.NoError(t, err)
	assert.Equal(t, "other", b.Name)
	again, err := s.CachedRecord("1")
	require.NoError(t, err)
	assert.NotSame(t, b, again, "a file this young is not known by its stamp")

	create(t, s, "2", "b2", true)
	s.Keep([]string{"1", "2"})
	require.NoError(t, s.Remove("1"))
	_, err = s.CachedRecord("1")
	require.ErrorIs(t, err, api.ErrNotFound)
	s.Keep(nil)
}

func TestEnded(t *testing.T) {
	t.Parallel()
	st := records.State{Pid: 7, Manager: "sock", RootFS: "/x", Restarts: 2, Networks: make([]container.EndpointInfo, 1), Ports: make([]container.PortBinding, 1)}
	st.Ended(container.State{Status: container.StatusExited, ExitCode: 3})
	assert.Equal(t, records.State{State: container.State{Status: container.StatusExited, ExitCode: 3}, Manager: "sock", Restarts: 2}, st)
}
