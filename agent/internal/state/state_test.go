package state_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/state"
	"github.com/caisson-dev/caisson/internal/api"
)

func layout(t *testing.T) state.Layout {
	t.Helper()
	dir := t.TempDir()
	return state.Layout{Root: filepath.Join(dir, "deep", "root"), RunRoot: filepath.Join(dir, "run")}
}

// TestMake: all directories are there, and let nobody else through, also where an older version has made them.
func TestMake(t *testing.T) {
	l := layout(t)
	require.NoError(t, l.Make())
	require.NoError(t, os.Chmod(l.Volumes(), 0o711))
	require.NoError(t, l.Make(), "again")
	for dir, mode := range map[string]fs.FileMode{
		l.Root: 0o700, l.Volumes(): 0o700, l.Containers(): 0o700, l.Locks(): 0o700, l.Temp(): 0o700, l.Cache(): 0o700,
		l.RunRoot: 0o700, l.Agents(): 0o700, l.Runtime(): 0o700,
	} {
		st, err := os.Stat(dir)
		require.NoError(t, err)
		assert.Equal(t, mode, st.Mode().Perm(), dir)
	}
	require.NoError(t, os.Chmod(l.Root, 0o755))
	require.NoError(t, l.Make())
	st, err := os.Stat(l.Root)
	require.NoError(t, err)
	assert.EqualValues(t, 0o755, st.Mode().Perm(), "it may be a directory of the owner's, such as /srv")
	for _, path := range []string{l.Graph(), l.GraphRun(), l.Events()} {
		assert.NoFileExists(t, path, "who owns it makes it")
		assert.True(t, strings.HasPrefix(path, l.Root+"/") || strings.HasPrefix(path, l.RunRoot+"/"), path)
	}
}

// TestMakeOverAFile: a store can't be where a file is.
func TestMakeOverAFile(t *testing.T) {
	l := layout(t)
	l.Root = filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(l.Root, nil, 0o600))
	for _, root := range []string{l.Root, filepath.Join(l.Root, "below")} {
		l.Root = root
		err := l.Make()
		require.ErrorIs(t, err, api.ErrPermission)
		require.ErrorContains(t, err, "StoreOptions.Root must be a directory")
	}
}

// TestLocks: those who add share the store, and who removes has it alone.
func TestLocks(t *testing.T) {
	l := layout(t)
	require.NoError(t, l.Make())
	ctx := t.Context()
	first, err := l.Shared(ctx)
	require.NoError(t, err)
	second, err := l.Shared(ctx)
	require.NoError(t, err)

	short, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err = l.Exclusive(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	third, err := l.Shared(ctx)
	require.NoError(t, err, "a remover that gave up holds nobody up")

	first.Unlock()
	second.Unlock()
	third.Unlock()
	alone, err := l.Exclusive(ctx)
	require.NoError(t, err)
	short, cancel = context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	_, err = l.Shared(short)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	alone.Unlock()
	again, err := l.Shared(ctx)
	require.NoError(t, err)
	again.Unlock()
}

// TestRemoverIsNotStarved: who comes to share while a remover waits comes after it.
func TestRemoverIsNotStarved(t *testing.T) {
	l := layout(t)
	require.NoError(t, l.Make())
	ctx := t.Context()
	sharer, err := l.Shared(ctx)
	require.NoError(t, err)
	order := make(chan string, 2)
	go func() {
		alone, err := l.Exclusive(ctx)
		order <- "remover"
		if err == nil {
			alone.Unlock()
		}
	}()
	// The remover waits when it has the gate: nobody shares then.
	require.Eventually(t, func() bool {
		short, cancel := context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
		late, err := l.Shared(short)
		if err == nil {
			late.Unlock()
		}
		return err != nil
	}, 10*time.Second, time.Millisecond)
	go func() {
		late, err := l.Shared(ctx)
		order <- "late sharer"
		if err == nil {
			late.Unlock()
		}
	}()
	assert.Empty(t, order)
	sharer.Unlock()
	assert.Equal(t, "remover", <-order)
	assert.Equal(t, "late sharer", <-order)
}
