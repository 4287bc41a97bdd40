package diskspace_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/diskspace"
	"github.com/caisson-dev/caisson/internal/api"
)

func TestUsage(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "d"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), make([]byte, 1000), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "d/b"), make([]byte, 500), 0o600))
	require.NoError(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "d/a")))
	require.EqualValues(t, 1500, diskspace.Usage(dir))
	require.Zero(t, diskspace.Usage(filepath.Join(dir, "none")))
}

func TestGuard(t *testing.T) {
	g, err := diskspace.NewGuard(t.Context(), t.TempDir())
	require.NoError(t, err)
	defer g.Close()
	require.NoError(t, g.Grow(1))
	require.ErrorIs(t, g.Grow(1<<60), api.ErrNoSpace)
	require.NoError(t, g.Grow(1))
	for range diskspace.MaxEntries {
		require.NoError(t, g.Entry())
	}
	require.ErrorIs(t, g.Entry(), api.ErrCorrupt)
}

// TestGuardEnds: unpacking that reads nothing more ends with its context.
func TestGuardEnds(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	g, err := diskspace.NewGuard(ctx, t.TempDir())
	require.NoError(t, err)
	defer g.Close()
	cancel(os.ErrDeadlineExceeded)
	require.ErrorIs(t, g.Grow(1<<30), os.ErrDeadlineExceeded)
}
