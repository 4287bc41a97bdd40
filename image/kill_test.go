//go:build linux

package image_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// envChild makes the test binary an owner that a test kills: the scenario to play.
const envChild = "CAISSON_TEST_CHILD"

// child plays a scenario in the store at CAISSON_TEST_ROOT. The test sees from outside how far it is.
func child(scenario string) {
	if scenario == "stress" {
		seed, err := strconv.ParseUint(os.Getenv("CAISSON_TEST_SEED"), 10, 64)
		if err == nil {
			err = stress(seed)
		}
		fmt.Print("stress: done", err)
		return
	}
	if dir := os.Getenv(envEtc); dir != "" {
		if err := overEtc(dir); err != nil {
			fmt.Println("child:", err)
			os.Exit(9)
		}
	}
	store, err := image.OpenStore(image.StoreOptions{Root: os.Getenv("CAISSON_TEST_ROOT")})
	if err == nil {
		fmt.Println("ready")
		switch scenario {
		case "build":
			_, err = store.Build(context.Background(), image.BuildOptions{
				Context: os.DirFS(os.Getenv("CAISSON_TEST_CONTEXT")), DockerfileText: sleeper(os.Getenv("CAISSON_TEST_ROOT")), Tags: []string{"never:1"}, Output: os.Stdout,
			})
		case "fs":
			var f *image.FS
			f, err = store.FS(context.Background(), "app")
			for err == nil {
				_, err = f.Stat("file") // until the agent is gone
			}
		case "pull-all":
			err = pullAll(store)
		case "pull":
			_, err = store.Pull(context.Background(), os.Getenv("CAISSON_TEST_REF"), image.PullOptions{})
		}
	}
	fmt.Println("child:", err)
	os.Exit(9)
}

// sleeper is a build that ends when it is killed.
func sleeper(root string) string {
	return base + "COPY note /note\nRUN append /note more && sleep " + nap(root) + "\n"
}

// nap is an argument by which the steps of one store are told from those of others on this machine.
func nap(root string) string {
	return fmt.Sprintf("%dh", 100000+crc32.ChecksumIEEE([]byte(root))%900000)
}

// outside counts what builds and pulls leave where a process that has died can leave it.
type outside struct {
	Processes, Mounts, Cgroups, Images, Containers, Layers, Temp int
}

func look(t *testing.T, root string) outside {
	t.Helper()
	return outside{
		Processes: len(processesOf(t, root)), Mounts: mountsOf(t, root), Cgroups: buildCgroups(t, root),
		Images: entries(t, root, "storage/overlay-images"), Containers: entries(t, root, "storage/overlay-containers"),
		Layers: layerDirs(t, root), Temp: entries(t, root, "tmp"),
	}
}

func entries(t *testing.T, root, dir string) int {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(root, dir))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return len(list)
}

// layerDirs counts layers, and what is being unpacked or removed. The driver's own directories stay, once made; so do
// for a minute the empty ones in which it tried out the kernel when it was killed.
func layerDirs(t *testing.T, root string) int {
	t.Helper()
	n := entries(t, root, "storage/overlay/staging") + entries(t, root, "storage/overlay/tempdirs")
	list, err := os.ReadDir(filepath.Join(root, "storage/overlay"))
	require.NoError(t, err)
	for _, d := range list {
		if len(d.Name()) == 64 {
			n++
		}
	}
	return n
}

// mountsOf counts the mounts of a store in all processes' namespaces.
func mountsOf(t *testing.T, root string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/mountinfo")
	require.NoError(t, err)
	seen, n := map[string]bool{}, 0
	for _, f := range files {
		ns, err := os.Readlink(filepath.Join(filepath.Dir(f), "ns", "mnt"))
		if err != nil || seen[ns] {
			continue
		}
		seen[ns] = true
		b, err := os.ReadFile(f)
		if err == nil {
			n += strings.Count(string(b), root)
		}
	}
	return n
}

func buildCgroups(t *testing.T, root string) int {
	t.Helper()
	sum := sha256.Sum256([]byte(root))
	n := 0
	require.NoError(t, filepath.WalkDir("/sys/fs/cgroup", func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasPrefix(d.Name(), "caisson-build-"+hex.EncodeToString(sum[:4])) {
			n++
		}
		return nil // cgroups come and go while this looks
	}))
	return n
}

// processesOf returns the agents of a store and all that they started: their environment or arguments name it.
func processesOf(t *testing.T, root string) []int {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	var pids []int
	for _, p := range procs {
		env, err := os.ReadFile(p + "/environ")
		if err != nil {
			continue // ended, or another user's
		}
		args, _ := os.ReadFile(p + "/cmdline")
		pid, err := strconv.Atoi(filepath.Base(p))
		require.NoError(t, err)
		if pid == os.Getpid() || len(args) == 0 {
			continue
		}
		if strings.Contains(string(env), root) || strings.Contains(string(args), root) || strings.Contains(string(args), nap(root)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func agentsOf(t *testing.T, root string) []int {
	t.Helper()
	var agents []int
	for _, pid := range processesOf(t, root) {
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if strings.HasPrefix(string(args), "caisson-agent") {
			agents = append(agents, pid)
		}
	}
	return agents
}

func startChild(t *testing.T, root, scenario string, env ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), envChild+"="+scenario, "CAISSON_TEST_ROOT="+root), env...)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return cmd
}

// settles waits until nothing but what was there before is left.
func settles(t *testing.T, root string, before outside) {
	t.Helper()
	var now outside
	assert.Eventually(t, func() bool { now = look(t, root); return now == before }, time.Minute, 5*time.Millisecond)
	assert.Equal(t, before, now)
}

// victims are what a test kills.
var victims = []string{"owner", "owner and agent", "agent"}

// kill ends an owner, its agent or both without a farewell, and opens and closes the store once, which collects.
func kill(t *testing.T, root, victim string, owner *exec.Cmd) {
	t.Helper()
	agents := agentsOf(t, root)
	require.Len(t, agents, 1)
	if victim != "agent" {
		require.NoError(t, owner.Process.Kill())
	}
	if victim != "owner" {
		p, err := os.FindProcess(agents[0])
		require.NoError(t, err)
		require.NoError(t, p.Kill())
	}
	_ = owner.Wait() // killed, or its agent is gone
	require.Eventually(t, func() bool { return len(processesOf(t, root)) == 0 }, time.Minute, 5*time.Millisecond, "all processes end")
	if victim == "owner" {
		return // the agent cleans up by itself
	}
	store, err := image.OpenStore(image.StoreOptions{Root: root})
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

// contextDir is a build context with the shell.
func contextDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "context")
	require.NoError(t, os.CopyFS(dir, buildContext(t, map[string]string{"note": "x"})))
	return dir
}

func TestKillInBuild(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	dir := contextDir(t)
	for _, victim := range victims {
		t.Run(victim, func(t *testing.T) {
			root := storeDir(t)
			store, err := image.OpenStore(image.StoreOptions{Root: root})
			require.NoError(t, err)
			// The steps before the one that is killed are the cache's, and stay.
			_, err = store.Build(t.Context(), image.BuildOptions{Context: os.DirFS(dir), DockerfileText: base + "COPY note /note\n"})
			require.NoError(t, err)
			require.NoError(t, store.Close())
			before := look(t, root)
			cmd := startChild(t, root, "build", "CAISSON_TEST_CONTEXT="+dir)
			awaitSleeper(t, root)
			require.NotEqual(t, before, look(t, root), "the build shows while it runs")
			kill(t, root, victim, cmd)
			settles(t, root, before)
		})
	}
}

// awaitSleeper waits until the step of sleeper runs.
func awaitSleeper(t *testing.T, root string) {
	t.Helper()
	require.Eventually(t, func() bool {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		require.NoError(t, err)
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && strings.HasPrefix(string(b), "/bin/sh\x00-c") && strings.Contains(string(b), nap(root)) {
				return true
			}
		}
		return false
	}, time.Minute, 5*time.Millisecond, "the step runs")
}

func TestKillInPull(t *testing.T) {
	t.Parallel()
	testenv.Slow(t)
	reg := newSlowRegistry(t)
	for _, victim := range victims {
		t.Run(victim, func(t *testing.T) {
			root := storeDir(t)
			store, err := image.OpenStore(image.StoreOptions{Root: root})
			require.NoError(t, err)
			require.NoError(t, store.Close())
			before := look(t, root)
			asked := reg.hold()
			cmd := startChild(t, root, "pull", "CAISSON_TEST_REF="+reg.ref)
			<-asked
			require.NotEqual(t, before, look(t, root), "the pull shows while it runs")
			kill(t, root, victim, cmd)
			settles(t, root, before)
		})
	}
}
