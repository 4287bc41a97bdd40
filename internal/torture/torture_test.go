//go:build linux

package torture

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// short is the duration of what is part of all tests.
const short = 12 * time.Second

var (
	duration  = flag.Duration("torture.duration", short, "how long the processes work")
	processes = flag.Int("torture.processes", 3, "how many processes work")
	seed      = flag.Uint64("torture.seed", 0, "begin with this; 0: another each time")
)

// envRoot makes the test binary one of the processes that work in the store there.
const (
	envRoot = "CAISSON_TORTURE_ROOT"
	envSeed = "CAISSON_TORTURE_SEED"
)

func TestMain(m *testing.M) {
	if root := os.Getenv(envRoot); root != "" {
		work(root)
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

// TestTorture kills while others work, and counts what is left.
func TestTorture(t *testing.T) {
	testenv.Slow(t)
	testenv.Root(t)
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("go test ./internal/torture -torture.seed=%d -torture.duration=%s -torture.processes=%d", *seed, *duration, *processes)
	root, err := os.MkdirTemp("", "caisson-torture-")
	require.NoError(t, err)
	prepare(t, root)
	random := rand.New(rand.NewPCG(*seed, 0))
	h := &herd{t: t, root: root, done: map[string]int{}}
	for range *processes {
		h.start(random.Uint64())
	}
	ids, kills := map[string]bool{}, map[string]int{}
	for end := time.Now().Add(*duration); time.Now().Before(end); {
		time.Sleep(time.Duration(200+random.IntN(600)) * time.Millisecond)
		note(root, ids)
		kills[h.kill(random)]++
		h.refill(random)
	}
	note(root, ids)
	h.finish()
	t.Log("killed", kills, "done", h.done)
	t.Log(slowest(h.opens))
	check(t, root, ids)
}

// prepare makes the image that nobody removes.
func prepare(t *testing.T, root string) {
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	files := fstest.MapFS{"testbox": {Data: testenv.Testbox(t), Mode: 0o755}}
	_, err = store.Build(t.Context(), image.BuildOptions{Context: files, DockerfileText: "FROM scratch\nCOPY testbox /bin/testbox\nENTRYPOINT [\"/bin/testbox\"]\n", Tags: []string{base}, Output: io.Discard})
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

// herd is the processes that work.
type herd struct {
	t    *testing.T
	root string

	mu    sync.Mutex
	all   []*worker
	done  map[string]int  // how often each operation was
	opens []time.Duration // how long the opening of the store took
}

// opened is the line that says how long it took to open the store, in nanoseconds.
const opened = "opened in"

// slowest says how often the store was opened, beside all the others' work, and how long it took.
func slowest(opens []time.Duration) string {
	slices.Sort(opens)
	late := 0
	for _, d := range opens {
		if d > time.Second {
			late++
		}
	}
	if len(opens) == 0 {
		return "never opened"
	}
	return fmt.Sprintf("opened %d times: median %v, slowest %v, %d above a second", len(opens), opens[len(opens)/2], opens[len(opens)-1], late)
}

type worker struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended chan struct{}
}

func (h *herd) start(seed uint64) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envRoot+"="+h.root, fmt.Sprint(envSeed, "=", seed))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(h.t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(h.t, err)
	require.NoError(h.t, cmd.Start())
	w := &worker{cmd, in, make(chan struct{})}
	h.mu.Lock()
	h.all = append(h.all, w)
	h.mu.Unlock()
	go func() {
		defer close(w.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			h.mu.Lock()
			op, bad, _ := strings.Cut(lines.Text(), ": ")
			var took time.Duration
			if n, _ := fmt.Sscanf(op, opened+" %d", &took); n == 1 {
				h.opens = append(h.opens, took)
			} else if bad != "" {
				h.t.Errorf("unexpected: %s: %s", op, bad)
			} else {
				h.done[op]++
			}
			h.mu.Unlock()
		}
		_ = cmd.Wait() // it may have been killed
	}()
}

// refill starts a process for each that has ended.
func (h *herd) refill(random *rand.Rand) {
	h.mu.Lock()
	var left []*worker
	for _, w := range h.all {
		select {
		case <-w.ended:
		default:
			left = append(left, w)
		}
	}
	missing := len(h.all) - len(left)
	h.all = left
	h.mu.Unlock()
	for range missing {
		h.start(random.Uint64())
	}
}

// kill kills something, and says what.
func (h *herd) kill(random *rand.Rand) string {
	agents, inits := find(h.root)
	switch what := random.IntN(5); {
	case what == 0 && len(agents) > 0:
		_ = syscall.Kill(agents[random.IntN(len(agents))], syscall.SIGKILL) // it may have ended
		return "agent"
	case what == 1 && len(inits) > 0:
		_ = syscall.Kill(inits[random.IntN(len(inits))], syscall.SIGKILL)
		return "init"
	case what == 2:
		h.mu.Lock()
		defer h.mu.Unlock()
		_ = h.all[random.IntN(len(h.all))].cmd.Process.Kill()
		return "owner"
	case what == 3 && random.IntN(3) == 0:
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, w := range h.all {
			_ = w.cmd.Process.Kill()
		}
		for _, pid := range append(agents, inits...) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		return "all"
	}
	return "nothing"
}

// finish has the processes end by themselves.
func (h *herd) finish() {
	for _, w := range h.all {
		w.stdin.Close()
		select {
		case <-w.ended:
		case <-time.After(time.Minute):
			h.t.Error("a process does not come to an end")
			_ = w.cmd.Process.Kill()
			<-w.ended
		}
	}
}

// find returns the agents of a store and the first processes of its containers.
func find(root string) (agents, inits []int) {
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range procs {
		var pid int
		_, _ = fmt.Sscan(filepath.Base(p), &pid)
		cmdline, _ := os.ReadFile(p + "/cmdline")
		environ, _ := os.ReadFile(p + "/environ")
		switch {
		case strings.HasPrefix(string(cmdline), "caisson-agent") && strings.Contains(string(environ), `"root":"`+root+`"`):
			agents = append(agents, pid)
		case strings.Contains(string(cmdline), "\x00sleep\x001h\x00"+root):
			inits = append(inits, pid)
		}
	}
	return agents, inits
}

// note notes the ids of containers: control groups do not say whose they are.
func note(root string, ids map[string]bool) {
	entries, _ := os.ReadDir(filepath.Join(root, "containers"))
	for _, e := range entries {
		ids[e.Name()] = true
	}
}

// check removes all that there is and looks for what is left.
func check(t *testing.T, root string, ids map[string]bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	begin := time.Now()
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	t.Log("opened in", time.Since(begin))
	e, err := container.NewEngine(store, container.EngineOptions{})
	require.NoError(t, err)
	res, err := store.Check(ctx, image.CheckOptions{})
	require.NoError(t, err)
	assert.Empty(t, res.Problems)
	_, err = store.Get(ctx, base)
	require.NoError(t, err, "what was reported done is there")
	infos, err := e.List(ctx, container.ListOptions{All: true})
	require.NoError(t, err)
	for _, info := range infos {
		c, err := e.Get(ctx, info.ID)
		require.NoError(t, err)
		require.NoError(t, c.Remove(ctx, container.RemoveOptions{Force: true}))
	}
	_, err = e.PruneVolumes(ctx, container.PruneVolumesOptions{All: true})
	require.NoError(t, err)
	_, err = e.PruneNetworks(ctx)
	require.NoError(t, err)
	require.NoError(t, store.Close())

	left := func() (all []string) {
		agents, inits := find(root)
		for _, pid := range append(agents, inits...) {
			all = append(all, fmt.Sprint("process ", pid))
		}
		for _, dir := range []string{"containers", "names", "volumes", "tmp", "storage/overlay/staging"} {
			entries, _ := os.ReadDir(filepath.Join(root, dir))
			for _, e := range entries {
				all = append(all, dir+"/"+e.Name())
			}
		}
		for id := range ids {
			groups, _ := filepath.Glob("/sys/fs/cgroup/*/caisson/" + id)
			here, _ := filepath.Glob("/sys/fs/cgroup/caisson/" + id)
			all = append(all, append(groups, here...)...)
		}
		mounts, _ := os.ReadFile("/proc/self/mountinfo")
		if strings.Contains(string(mounts), root) {
			all = append(all, "mounts")
		}
		return all
	}
	if !assert.Eventually(t, func() bool { return len(left()) == 0 }, 30*time.Second, 20*time.Millisecond) {
		t.Log("left:", strings.Join(left(), ", "))
	}
	store, err = image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	require.NoError(t, store.Destroy(ctx))
	require.NoDirExists(t, root)
}
