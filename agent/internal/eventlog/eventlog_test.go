//go:build linux

package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/eventlog"
	"github.com/caisson-dev/caisson/container"
)

func open(t *testing.T, dir string) *eventlog.Log {
	t.Helper()
	l, err := eventlog.Open(dir, nil)
	require.NoError(t, err)
	return l
}

func all(t *testing.T, l *eventlog.Log, since time.Time) []container.Event {
	t.Helper()
	r, err := l.Read(since)
	require.NoError(t, err)
	defer r.Close()
	var out []container.Event
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		out = append(out, e)
	}
}

func TestSinceAndNow(t *testing.T) {
	l := open(t, t.TempDir())
	begin := time.Now()
	assert.Empty(t, all(t, l, begin))
	require.NoError(t, l.Append(container.Event{ID: "a"}))
	middle := time.Now()
	require.NoError(t, l.Append(container.Event{ID: "b"}))
	assert.Len(t, all(t, l, begin), 2)
	after := all(t, l, middle)
	require.Len(t, after, 1)
	assert.Equal(t, "b", after[0].ID)
	assert.Empty(t, all(t, l, time.Time{}), "from now on")
}

func TestManyWritersAndAFollower(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	r, err := l.Read(time.Time{})
	require.NoError(t, err)
	defer r.Close()
	const writers, each = 4, 250
	go func() {
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				own, err := eventlog.Open(dir, nil) // as another process
				if !assert.NoError(t, err) {
					return
				}
				for i := range each {
					assert.NoError(t, own.Append(container.Event{ID: fmt.Sprint(w), Name: fmt.Sprint(i)}))
				}
			})
		}
		wg.Wait()
	}()
	seen := map[string]int{}
	last := time.Time{}
	for range writers * each {
		e, err := r.Follow(t.Context(), time.Time{})
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprint(seen[e.ID]), e.Name, "the order of one writer's")
		assert.False(t, e.Time.Before(last))
		seen[e.ID]++
		last = e.Time
	}
	_, err = r.Next()
	require.ErrorIs(t, err, io.EOF)
}

func TestBounded(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	r, err := l.Read(time.Time{})
	require.NoError(t, err)
	defer r.Close()
	labels := map[string]string{"x": string(make([]byte, 1000))}
	const n = 900 // some 6 KB each as JSON: more than the log keeps
	for i := range n {
		require.NoError(t, l.Append(container.Event{Name: fmt.Sprint(i), Labels: labels}))
		e, err := r.Next()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprint(i), e.Name, "a reader that keeps up misses nothing over segments")
	}
	var size int64
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		st, err := e.Info()
		require.NoError(t, err)
		size += st.Size()
	}
	assert.Less(t, size, int64(5*256<<10))
	left := all(t, l, time.Unix(1, 0))
	assert.Equal(t, fmt.Sprint(n-1), left[len(left)-1].Name)
	assert.Less(t, len(left), n)
}

func TestHugeLabelsAreLeftOut(t *testing.T) {
	l := open(t, t.TempDir())
	require.NoError(t, l.Append(container.Event{ID: "x", Labels: map[string]string{"x": string(make([]byte, 100_000))}}))
	got := all(t, l, time.Unix(1, 0))
	require.Len(t, got, 1)
	assert.Equal(t, "x", got[0].ID)
	assert.Empty(t, got[0].Labels)
}

func TestTornLine(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	require.NoError(t, l.Append(container.Event{ID: "a"}))
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString(`{"time":"2026-`)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, l.Append(container.Event{ID: "b"}))
	got := all(t, l, time.Unix(1, 0))
	require.Len(t, got, 2)
	assert.Equal(t, "b", got[1].ID)
}

func TestFollowEnds(t *testing.T) {
	l := open(t, t.TempDir())
	r, err := l.Read(time.Time{})
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Follow(t.Context(), time.Now().Add(20*time.Millisecond))
	require.ErrorIs(t, err, io.EOF)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error, 1)
	go func() {
		_, err := r.Follow(ctx, time.Time{})
		errs <- err
	}()
	cancel()
	require.ErrorIs(t, <-errs, context.Canceled)
}
