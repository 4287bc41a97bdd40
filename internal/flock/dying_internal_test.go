//go:build linux

package flock

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHolder(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]int{
		"1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF":  4711,
		"2: FLOCK  ADVISORY  READ  12 00:2b:1234 0 EOF":    12,
		"2: -> FLOCK  ADVISORY  WRITE 12 fe:00:1234 0 EOF": 0,
		"3: POSIX  ADVISORY  WRITE 4711 fe:00:1234 0 EOF":  0,
		"4: FLOCK  ADVISORY  WRITE 4711 fe:00:12345 0 EOF": 0,
		"5: FLOCK  ADVISORY  WRITE 4711 fe:00:51234 0 EOF": 0,
		"6: FLOCK  ADVISORY  WRITE -1 fe:00:1234 0 EOF":    0,
		"7: FLOCK  ADVISORY  WRITE":                        0,
		"":                                                 0,
	} {
		assert.Equal(t, want, holder(line, 1234), line)
	}
}

func TestEnding(t *testing.T) {
	t.Parallel()
	for stat, want := range map[string]bool{
		"4711 (a b) c) S 1 4711 4711 0 -1 4194304 1 0": false,
		"4711 (agent) R 1 4711 4711 0 -1 4194308 1 0":  true,
		"4711 (agent) Z 1 4711 4711 0 -1 4194308 1 0":  false,
		"4711 (agent) X 1 4711 4711 0 -1 4194308 1 0":  false,
		"": false,
	} {
		assert.Equal(t, want, ending(stat), stat)
	}
}

// TestDying: a process that lives is not dying, and a lock that nobody has is nobody's.
func TestDying(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	assert.False(t, dying(path))
	l, err := Try(path, Exclusive)
	require.NoError(t, err)
	assert.False(t, dying(path))
	st, err := os.ReadFile("/proc/locks")
	require.NoError(t, err)
	assert.NotEmpty(t, st)
	l.Unlock()
	assert.False(t, dying(path))
}
