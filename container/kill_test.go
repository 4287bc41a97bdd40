//go:build linux

package container_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// envChild makes the test binary an owner that a test watches from outside: the scenario to play.
const envChild = "CAISSON_TEST_CHILD"

// child plays a scenario in the store at CAISSON_TEST_ROOT: it starts containers, says so, and ends as it is told.
func child(scenario string) {
	ctx := context.Background()
	must := func(err error) {
		if err != nil {
			fmt.Println("child:", err)
			os.Exit(9)
		}
	}
	store, err := image.OpenStore(image.StoreOptions{Root: os.Getenv("CAISSON_TEST_ROOT")})
	must(err)
	e, err := container.NewEngine(store, container.EngineOptions{})
	must(err)
	for _, opts := range []container.Options{
		{Image: testImage, Cmd: []string{"sleep", "1000h", store.Root()}, Mounts: []container.Mount{{Type: container.MountVolume, Target: "/data"}}},
		{Image: testImage, Cmd: []string{"sleep", "1000h", store.Root()}, Name: "second"},
	} {
		_, err := e.Start(ctx, opts)
		must(err)
	}
	_, err = e.Create(ctx, container.Options{Image: testImage, Name: "never-started"})
	must(err)
	if scenario == "immortal" {
		kinds := []container.Namespaces{{}}
		if os.Geteuid() == 0 {
			kinds = append(kinds, container.Namespaces{PID: "host"})
		}
		for _, ns := range kinds {
			c, err := e.Start(ctx, container.Options{Image: testImage, Cmd: []string{"immortal", store.Root()}, Namespaces: ns})
			must(err)
			cmd := c.Command("testbox", "sleep", "1000h", store.Root()) // with the host's processes, it does not end with the first
			cmd.Detach = true
			must(cmd.Start(ctx))
		}
	}
	fmt.Println("ready")
	switch scenario {
	case "detach":
		_, err := e.Start(ctx, container.Options{Image: testImage, Cmd: []string{"trap", "terminated"}, Name: "detached", Detach: true})
		must(err)
		fmt.Println("detached")
	case "fork":
		c, err := e.Get(ctx, "original")
		must(err)
		for {
			f, err := c.Fork(ctx, container.ForkOptions{})
			must(err)
			must(f.Remove(ctx, container.RemoveOptions{}))
		}
	case "other":
		_, err := e.Start(ctx, container.Options{Image: testImage, Name: "other", Cmd: []string{"upper"}, Stdin: true})
		must(err)
	case "restart":
		_, err := e.Start(ctx, container.Options{Image: testImage, Name: "again", Cmd: []string{"exit", "1"}, Lifecycle: container.LifecycleConfig{Restart: container.RestartPolicy{Mode: container.RestartAlways}}})
		must(err)
	case "exit":
		os.Exit(3)
	case "panic":
		panic("on purpose")
	case "return":
		return
	}
	select {}
}

// outside counts what containers leave where a process that has died can leave it.
type outside struct {
	Processes, Mounts, Cgroups, Containers, Layers, Volumes, Names, Temp, Agents int
}

func look(t testing.TB, root string) outside {
	t.Helper()
	var o outside
	o.Processes = len(processesOf(t, root))
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	o.Mounts = strings.Count(string(mounts), root)
	o.Containers, o.Volumes = entries(t, root, "containers"), entries(t, root, "volumes")
	o.Names, o.Temp = entries(t, root, "names"), entries(t, root, "tmp")
	layers, err := os.ReadDir(filepath.Join(root, "storage/overlay"))
	require.NoError(t, err)
	for _, l := range layers { // the driver's own directories stay, once made
		if len(l.Name()) == 64 {
			o.Layers++
		}
	}
	ours := idsOf(root)
	for _, pattern := range []string{"/sys/fs/cgroup/caisson/*", "/sys/fs/cgroup/*/caisson/*"} {
		dirs, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, d := range dirs {
			if st, err := os.Stat(d); err == nil && st.IsDir() && ours[filepath.Base(d)] {
				o.Cgroups++
			}
		}
	}
	return o
}

// seen are the ids of a store's containers, also of those that went: control groups don't tell whose they are, and
// other tests make some at the same time.
var seen = map[string]map[string]bool{}

func idsOf(root string) map[string]bool {
	if seen[root] == nil {
		seen[root] = map[string]bool{}
	}
	list, err := os.ReadDir(filepath.Join(root, "containers"))
	if err == nil {
		for _, e := range list {
			seen[root][e.Name()] = true
		}
	}
	return seen[root]
}

func entries(t testing.TB, root, dir string) int {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(root, dir))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return len(list)
}

// processesOf returns the agents of a store and the processes of its containers: their root or memory maps name it.
func processesOf(t testing.TB, root string) []int {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var pids []int
	for _, p := range procs {
		env, err := os.ReadFile(p + "/environ")
		if err != nil {
			continue // ended, or another user's
		}
		cmdline, _ := os.ReadFile(p + "/cmdline")
		agent := strings.HasPrefix(string(cmdline), "caisson-agent") && strings.Contains(string(env), `"root":"`+root+`"`)
		if agent || strings.Contains(string(cmdline), "sleep\x001000h\x00"+root) {
			pid, err := strconv.Atoi(filepath.Base(p))
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// agentsOf returns the agents among a store's processes.
func agentsOf(t testing.TB, root string) []int {
	t.Helper()
	return slices.DeleteFunc(processesOf(t, root), func(pid int) bool {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
		return err != nil || !strings.HasPrefix(string(b), api.AgentArg0)
	})
}

// killStore makes a store of its own with the test image, and returns what is there when no one uses it.
func killStore(t testing.TB) (string, outside) {
	t.Helper()
	root, err := os.MkdirTemp("", "caisson-kill-test-")
	require.NoError(t, err)
	t.Cleanup(func() { destroy(t, root) })
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	buildImage(t, store, testImage, dockerfile)
	require.NoError(t, store.Close())
	return root, look(t, root)
}

// destroy removes a store's directory, also as a user who may not remove all files in it.
func destroy(t testing.TB, root string) {
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	require.NoError(t, store.Destroy(context.Background()))
	require.NoDirExists(t, root)
}

func startChild(t *testing.T, root, scenario string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"="+scenario, "CAISSON_TEST_ROOT="+root)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	require.NotEmpty(t, idsOf(root))
	return cmd
}

// settles waits until nothing but what was there before is left.
func settles(t *testing.T, root string, before outside) {
	t.Helper()
	var now outside
	assert.Eventually(t, func() bool {
		now = look(t, root)
		return now == before
	}, time.Minute, 5*time.Millisecond)
	assert.Equal(t, before, now)
}

func TestKillOwner(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	for _, scenario := range []string{"return", "exit", "panic", "hang"} {
		t.Run(scenario, func(t *testing.T) {
			root, before := killStore(t)
			cmd := startChild(t, root, scenario)
			if scenario == "hang" {
				require.Eventually(t, func() bool { return len(processesOf(t, root)) == 3 }, 10*time.Second, time.Millisecond,
					"an agent and two containers")
				require.NoError(t, cmd.Process.Kill())
			}
			_ = cmd.Wait() // each scenario ends in its own way
			settles(t, root, before)
		})
	}
}

func TestKillOwnerAndAgent(t *testing.T) {
	testenv.Slow(t)
	root, before := killStore(t)
	cmd := startChild(t, root, "hang")
	for _, pid := range agentsOf(t, root) {
		p, err := os.FindProcess(pid)
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Kill())
		require.NoError(t, p.Kill())
	}
	_ = cmd.Wait() // killed
	require.Eventually(t, func() bool { return len(processesOf(t, root)) == 0 }, time.Minute, 5*time.Millisecond,
		"the containers die with the agent")
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	e, err := container.NewEngine(store, container.EngineOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		infos, err := e.List(t.Context(), container.ListOptions{All: true})
		return err == nil && len(infos) == 0
	}, time.Minute, 5*time.Millisecond, "what a killed process has open is closed a moment after")
	require.NoError(t, store.Close())
	settles(t, root, before)
}

// TestKillNothingInTheRunRoot: the last agent of a store takes the run root with it.
// TestKillAgentOfImmortals: containers whose processes have cleared their parent-death signal die with the agent, too, and
// commands in them, before anybody opens the store again.
func TestKillAgentOfImmortals(t *testing.T) {
	t.Parallel()
	root, before := killStore(t)
	cmd := startChild(t, root, "immortal")
	want := 5 // an agent, three containers and a command
	if os.Geteuid() == 0 {
		want += 2
	}
	require.Eventually(t, func() bool { return len(processesOf(t, root)) == want }, time.Minute, time.Millisecond)
	for _, pid := range agentsOf(t, root) {
		require.NoError(t, cmd.Process.Kill())
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	}
	_ = cmd.Wait() // killed
	require.Eventually(t, func() bool { return len(processesOf(t, root)) == 0 }, time.Minute, time.Millisecond)
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	require.NoError(t, store.Close())
	settles(t, root, before)
}

func TestKillNothingInTheRunRoot(t *testing.T) {
	t.Parallel()
	root, _ := killStore(t)
	cmd := startChild(t, root, "hang")
	runRoot := runRootOf(t, processesOf(t, root))
	require.DirExists(t, runRoot)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // killed
	require.Eventually(t, func() bool {
		_, err := os.Lstat(runRoot)
		return os.IsNotExist(err)
	}, time.Minute, 5*time.Millisecond)
}
