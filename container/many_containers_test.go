//go:build linux

package container_test

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// startMany starts containers at once, labelled so that they can be listed.
func startMany(t testing.TB, e *container.Engine, n int) []*container.Container {
	t.Helper()
	all := make([]*container.Container, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			all[i], errs[i] = e.Start(t.Context(), container.Options{
				Image: testImage, Cmd: []string{"sleep", "1h"}, Network: container.NetworkNone,
				Labels: map[string]string{"many": t.Name()},
			})
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	return all
}

func removeAll(t testing.TB, all []*container.Container) {
	t.Helper()
	var wg sync.WaitGroup
	for _, c := range all {
		wg.Go(func() {
			assert.NoError(t, c.Remove(context.Background(), container.RemoveOptions{Force: true}))
		})
	}
	wg.Wait()
}

func TestHundredAtOnce(t *testing.T) {
	testenv.Slow(t)
	if testing.Short() {
		t.Skip("a hundred containers")
	}
	testenv.Root(t)
	e := newEngine(t)
	ctx := t.Context()
	all := startMany(t, e, 100)
	mine := container.ListOptions{All: true, Labels: map[string]string{"many": t.Name()}}
	infos, err := e.List(ctx, mine)
	require.NoError(t, err)
	assert.Len(t, infos, 100)
	pids := map[int]bool{}
	for _, info := range infos {
		assert.Equal(t, container.StatusRunning, info.State.Status)
		pids[info.PID] = true
	}
	assert.Len(t, pids, 100)
	require.NoError(t, all[99].Command("/bin/testbox", "true").Run(ctx))
	removeAll(t, all)
	infos, err = e.List(ctx, mine)
	require.NoError(t, err)
	assert.Empty(t, infos)
}

// BenchmarkList lists 200 containers.
func BenchmarkList(b *testing.B) {
	e := newEngine(b)
	label := map[string]string{"listed": b.Name()}
	for range 200 {
		create(b, e, container.Options{Cmd: []string{"true"}, Labels: label})
	}
	for b.Loop() {
		infos, err := e.List(b.Context(), container.ListOptions{All: true, Labels: label})
		require.NoError(b, err)
		require.Len(b, infos, 200)
	}
}

var privateRE = regexp.MustCompile(`(?m)^Private_Dirty: +(\d+) kB`)

// private is the memory that a process has for itself, in bytes. Its binary's pages are not counted: they are the page
// cache's, and shared as soon as a second agent or a container's init runs.
func private(t testing.TB, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	require.NoError(t, err)
	m := privateRE.FindSubmatch(b)
	require.NotNil(t, m, "%s", b)
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	require.NoError(t, err)
	return n << 10
}

// BenchmarkAgentMemory reports what an agent takes with no container, with 50 and with 100.
func BenchmarkAgentMemory(b *testing.B) {
	root, _ := killStore(b)
	e := openEngine(b, root)
	agents := agentsOf(b, root)
	require.Len(b, agents, 1)
	var all []*container.Container
	for _, n := range []int{0, 50, 100} {
		all = append(all, startMany(b, e, n-len(all))...)
		b.ReportMetric(float64(private(b, agents[0]))/(1<<20), fmt.Sprintf("MiB/%d-containers", n))
	}
	removeAll(b, all)
}
