package container_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestStats(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	ctx := t.Context()
	c := start(t, e, container.Options{Cmd: []string{"chain", "eat", "64", ";", "sleep", "1h"}, Network: container.NetworkNone})
	waitForLog(t, c, "64")
	st, err := c.Stats(ctx)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), st.Time, 10*time.Second)
	assert.Positive(t, st.CPU)
	assert.Positive(t, st.CPUPercent)
	assert.Greater(t, st.Memory, int64(60<<20), "what eat took")
	assert.Less(t, st.Memory, int64(200<<20))
	assert.Greater(t, st.MemoryLimit, st.Memory)
	assert.Positive(t, st.PIDs)
	assert.Empty(t, st.Networks, "no interface but the loopback")
	if os.Geteuid() == 0 {
		assert.False(t, st.Partial)
	}
	require.NoError(t, c.Kill(ctx, ""))
	_, err = c.Wait(ctx)
	require.NoError(t, err)
	_, err = c.Stats(ctx)
	require.ErrorIs(t, err, container.ErrNotRunning)
}

func TestStatsStream(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	c := start(t, e, container.Options{Cmd: []string{"spin"}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var last container.Stats
	n, computed, killed := 0, false, false
	for st, err := range c.StatsStream(ctx, container.StatsOptions{Interval: 100 * time.Millisecond}) {
		require.NoError(t, err)
		if n++; n > 1 {
			assert.True(t, st.Time.After(last.Time))
			assert.GreaterOrEqual(t, st.CPU, last.CPU)
			assert.LessOrEqual(t, st.CPUPercent, 130., "on one processor")
			computed = computed || st.CPUPercent > 0
		}
		last = st
		if n >= 4 && computed && !killed { // a busy machine may give it no time in an interval
			killed = true
			require.NoError(t, c.Kill(ctx, "")) // the stream ends by itself
		}
	}
	assert.GreaterOrEqual(t, n, 4)
	assert.True(t, computed, "it does nothing but compute")

	for _, err := range c.StatsStream(ctx, container.StatsOptions{}) {
		require.ErrorIs(t, err, container.ErrNotRunning)
	}
	canceled, stop := context.WithCancel(ctx)
	defer stop()
	running := start(t, e, container.Options{Cmd: []string{"sleep", "1h"}})
	var ended error
	for _, err := range running.StatsStream(canceled, container.StatsOptions{Interval: time.Hour}) {
		ended = err
		stop()
	}
	require.ErrorIs(t, ended, context.Canceled)
}
