package images

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/internal/flock"
)

// TestScraps: what killed processes left goes when it is old, and nothing else does.
func TestScraps(t *testing.T) {
	t.Parallel()
	s := &Store{layout: state.Layout{Root: t.TempDir()}}
	past := time.Now().Add(-2 * young)
	make := func(dir, name string, age bool) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
		if age {
			require.NoError(t, os.Chtimes(path, past, past))
		}
		return path
	}
	trial := filepath.Join(s.layout.Graph(), "overlay", "volatile-check123")
	require.NoError(t, os.MkdirAll(filepath.Join(trial, "work"), 0o700))
	require.NoError(t, os.Chtimes(trial, past, past))
	gone := []string{trial}
	for _, name := range []string{"overlay-layers/.tmp-layers.json1", "overlay-images/.tmp-images.json1", "overlay-images/id/.tmp-=1", "overlay-containers/.tmp-containers.json1"} {
		gone = append(gone, make(s.layout.Graph(), name, true))
	}
	gone = append(gone, make(s.layout.Locks(), "pull-old", true))
	stays := []string{
		make(s.layout.Graph(), "overlay-layers/.tmp-layers.json2", false), make(s.layout.Graph(), "overlay-layers/layers.json", true),
		make(s.layout.Graph(), "overlay/compat", true), make(s.layout.Locks(), "pull-young", false), make(s.layout.Locks(), "store", true),
	}
	held := make(s.layout.Locks(), "pull-held", true)
	lock, err := flock.Try(held, flock.Exclusive)
	require.NoError(t, err)
	s.removeScraps()
	s.removeLocks()
	for _, p := range gone {
		assert.NoFileExists(t, p)
		assert.NoDirExists(t, p)
	}
	for _, p := range append(stays, held) {
		assert.FileExists(t, p)
	}
	lock.Unlock()
	s.removeLocks()
	assert.NoFileExists(t, held)
}
