//go:build linux

package image_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// TestPullTogether: processes that pull one image at the same time download it once.
func TestPullTogether(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := newSlowRegistry(t)
	root := storeDir(t)
	var procs []*exec.Cmd
	release := reg.gate()
	for range 4 {
		procs = append(procs, startChild(t, root, "pull", "CAISSON_TEST_REF="+reg.ref))
	}
	require.Eventually(t, func() bool { return waiters(t, root) == 3 }, time.Minute, 5*time.Millisecond, "the others wait for the first")
	release()
	for _, p := range procs {
		_ = p.Wait() // it ends with 9, whatever happened
	}
	require.Equal(t, 1, reg.count(), "the layer was asked for")
	s, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	_, err = s.Get(t.Context(), reg.ref)
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

// waiters counts the processes that wait for the lock of a pull.
func waiters(t *testing.T, root string) int {
	t.Helper()
	locks, err := filepath.Glob(filepath.Join(root, "locks", "pull-*"))
	require.NoError(t, err)
	if len(locks) != 1 {
		return 0
	}
	var ino string
	if out, err := exec.Command("stat", "-c", "%i", locks[0]).Output(); err == nil {
		ino = strings.TrimSpace(string(out))
	}
	b, err := os.ReadFile("/proc/locks")
	require.NoError(t, err)
	n := 0
	for _, line := range strings.Split(string(b), "\n") {
		if strings.Contains(line, "->") && strings.Contains(line, ":"+ino+" ") {
			n++
		}
	}
	return n
}

// TestShareStore: several agents of one store build, pull, tag, list, remove and prune at the same time. None fails for
// another's work, and in the end nothing is left.
func TestShareStore(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := newSlowRegistry(t)
	root := storeDir(t)
	dir := contextDir(t)
	const procs = 3
	var wg sync.WaitGroup
	out := make([]string, procs)
	for i := range procs {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), envChild+"=stress", "CAISSON_TEST_ROOT="+root, "CAISSON_TEST_REF="+reg.ref, "CAISSON_TEST_CONTEXT="+dir, fmt.Sprintf("CAISSON_TEST_SEED=%d", i))
		wg.Go(func() {
			b, err := cmd.CombinedOutput()
			out[i] = fmt.Sprint(string(b), err)
		})
	}
	wg.Wait()
	for _, o := range out {
		require.Contains(t, o, "stress: done<nil>")
	}
	s, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	_, err = s.Prune(t.Context(), image.PruneOptions{All: true})
	require.NoError(t, err)
	require.Zero(t, layers(t, s))
	require.NoError(t, s.Close())
}

// stress is a child that works on a shared store. Only another's removal in between may fail it.
func stress(seed uint64) error {
	store, err := image.OpenStore(image.StoreOptions{Root: os.Getenv("CAISSON_TEST_ROOT")})
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, 1))
	ctx, ref := context.Background(), os.Getenv("CAISSON_TEST_REF")
	for i := range 12 {
		op := r.IntN(6)
		switch op {
		case 0, 1:
			_, err = store.Pull(ctx, ref, image.PullOptions{})
		case 2:
			_, err = store.Build(ctx, image.BuildOptions{
				Context: os.DirFS(os.Getenv("CAISSON_TEST_CONTEXT")), Tags: []string{fmt.Sprintf("s%d", seed)},
				DockerfileText: fmt.Sprintf("%sRUN echo %d-%d > /x\n", base, seed, i),
			})
		case 3:
			_, err = store.Remove(ctx, ref, image.RemoveOptions{})
		case 4:
			_, err = store.Prune(ctx, image.PruneOptions{})
		case 5:
			_, err = store.List(ctx, image.ListOptions{All: true})
		}
		if err != nil && !(op == 3 && errors.Is(err, image.ErrNotFound)) {
			return fmt.Errorf("operation %d: %w", op, err)
		}
	}
	return store.Close()
}
