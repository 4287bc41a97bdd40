package images

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestSoundLayers: what was noted before the machine was started again does not count.
func TestSoundLayers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sound")
	before := &sound{dir: dir, now: filepath.Join(dir, "another start")}
	assert.True(t, before.begin())
	before.add("layer")
	assert.True(t, before.has("layer"))
	s, err := newSound(dir)
	require.NoError(t, err)
	assert.False(t, s.has("layer"))
	assert.True(t, s.begin())
	assert.False(t, s.begin(), "another agent")
	assert.False(t, s.has("layer"))
	s.add("layer")
	again, err := newSound(dir)
	require.NoError(t, err)
	assert.True(t, again.has("layer"))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1)
}
