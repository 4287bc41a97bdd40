//go:build linux

package dockertest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockertest"
	"github.com/caisson-dev/caisson/image"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// envChild makes the test binary one that a test watches from outside: how it is to end.
const envChild = "CAISSON_TEST_CHILD"

// TestChild is the test in that binary.
func TestChild(t *testing.T) {
	scenario := os.Getenv(envChild)
	if scenario == "" {
		t.Skip("runs as part of TestEndings")
	}
	img := testbox(t)
	nw := dockertest.Network(t)
	vol := dockertest.Volume(t)
	var ids []string
	for range 2 {
		c := dockertest.Run(t, img, nw, vol.At("/data"), dockertest.Cmd("listen", ":7000", os.Getenv(dockertest.EnvRoot)), dockertest.Port(7000))
		ids = append(ids, c.ID())
	}
	fmt.Println("ready", strings.Join(ids, " "))
	switch scenario {
	case "pass":
	case "fail":
		t.Fatal("on purpose")
	case "panic":
		panic("on purpose")
	case "panic in a goroutine":
		go panic("on purpose")
		select {}
	case "exit":
		os.Exit(7)
	default: // it is killed, or times out
		select {}
	}
}

// outside is what containers leave where a process that has died can leave it.
type outside struct {
	Processes, Mounts, Cgroups, Containers, Layers, Volumes, Names, Temp int
}

func look(t *testing.T, root string, ids []string) outside {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	o := outside{
		Processes: len(processesOf(t, root)), Mounts: strings.Count(string(mounts), root),
		Containers: entries(t, root, "containers"), Layers: entries(t, root, "storage/overlay"),
		Volumes: entries(t, root, "volumes"), Names: entries(t, root, "names"), Temp: entries(t, root, "tmp"),
	}
	for _, id := range ids {
		for _, pattern := range []string{"/sys/fs/cgroup/caisson/*", "/sys/fs/cgroup/*/caisson/*"} {
			dirs, err := filepath.Glob(pattern + id + "*")
			require.NoError(t, err)
			o.Cgroups += len(dirs)
		}
	}
	return o
}

func entries(t *testing.T, root, dir string) int {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(root, dir))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	return len(list)
}

// processesOf returns the agents of a store and the processes of the child's containers, which have its name in their
// arguments.
func processesOf(t *testing.T, root string) (pids []string) {
	t.Helper()
	procs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, p := range procs {
		cmdline, _ := os.ReadFile(p + "/cmdline")
		env, _ := os.ReadFile(p + "/environ")
		agent := strings.HasPrefix(string(cmdline), "caisson-agent") && strings.Contains(string(env), `"root":"`+root+`"`)
		if agent || strings.Contains(string(cmdline), ":7000\x00"+root) {
			pids = append(pids, filepath.Base(p))
		}
	}
	return pids
}

// childStore is a store with the tests' image, which no process uses.
func childStore(t *testing.T) (root, box string) {
	t.Helper()
	dir := t.TempDir()
	box = filepath.Join(dir, "testbox")
	require.NoError(t, os.WriteFile(box, testenv.Testbox(t), 0o755))
	root, err := os.MkdirTemp("", "caisson-dockertest-child-")
	require.NoError(t, err)
	t.Cleanup(func() {
		store, err := image.OpenStore(image.StoreOptions{Root: root})
		require.NoError(t, err)
		require.NoError(t, store.Destroy(context.Background()))
	})
	return root, box
}

// startChild returns a test binary that has said that its containers are ready, and their ids.
func startChild(t *testing.T, root, box, scenario string, flags ...string) (*exec.Cmd, []string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-test.run=^TestChild$", "-test.v"}, flags...)...)
	cmd.Env = append(os.Environ(), envChild+"="+scenario, dockertest.EnvRoot+"="+root, testenv.EnvTestbox+"="+box)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = io.Discard // of those that panic
	require.NoError(t, cmd.Start())
	var seen strings.Builder
	for s := bufio.NewScanner(out); s.Scan(); {
		if ids, ok := strings.CutPrefix(s.Text(), "ready "); ok {
			go io.Copy(io.Discard, out) // what it has still to say is not looked at
			return cmd, strings.Fields(ids)
		}
		seen.WriteString(s.Text() + "\n")
	}
	require.Fail(t, "the child ended early", "%v\n%s", cmd.Wait(), &seen)
	return nil, nil
}

// TestEndings: however a test binary ends, nothing of its containers is left.
func TestEndings(t *testing.T) {
	t.Parallel()
	root, box := childStore(t)
	cmd, ids := startChild(t, root, box, "pass")
	require.NoError(t, cmd.Wait())
	require.Eventually(t, func() bool { return len(processesOf(t, root)) == 0 }, time.Minute, 5*time.Millisecond)
	clean := look(t, root, ids)
	require.Zero(t, clean.Containers+clean.Mounts+clean.Cgroups+clean.Volumes+clean.Names, "a test that passes leaves nothing")
	for _, tc := range []struct {
		scenario string
		flags    []string
		code     int // -1: ended by a signal
		volumes  int // that the next binary removes
	}{
		{"pass", nil, 0, 0}, {"fail", nil, 1, 0}, {"panic", nil, 2, 0}, {"panic in a goroutine", nil, 2, 1}, {"exit", nil, 7, 1},
		{"time-out", []string{"-test.timeout=20s"}, 2, 1}, {"kill", nil, -1, 1}, {"terminate", nil, -1, 1},
	} {
		t.Run(tc.scenario, func(t *testing.T) {
			cmd, ids := startChild(t, root, box, tc.scenario, tc.flags...)
			switch tc.scenario {
			case "kill":
				during := look(t, root, ids)
				assert.Equal(t, 3, during.Processes, "an agent and two containers")
				assert.Equal(t, 2, during.Containers)
				require.NoError(t, cmd.Process.Kill())
			case "terminate":
				require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			}
			_ = cmd.Wait() // its code is looked at below
			assert.Equal(t, tc.code, cmd.ProcessState.ExitCode())
			want := clean
			want.Volumes = tc.volumes
			var now outside
			assert.Eventually(t, func() bool {
				now = look(t, root, ids)
				return now == want
			}, time.Minute, 5*time.Millisecond)
			assert.Equal(t, want, now)
		})
	}
	t.Run("networks and volumes of the dead", func(t *testing.T) {
		cmd, _ := startChild(t, root, box, "pass") // which removes those that the killed left
		require.NoError(t, cmd.Wait())
		store, err := image.OpenStore(image.StoreOptions{Root: root})
		require.NoError(t, err)
		defer store.Close()
		eng, err := container.NewEngine(store, container.EngineOptions{})
		require.NoError(t, err)
		networks, err := eng.Networks(t.Context())
		require.NoError(t, err)
		for _, n := range networks {
			assert.Equal(t, string(container.NetworkDefault), n.Name)
		}
		volumes, err := eng.Volumes(t.Context())
		require.NoError(t, err)
		assert.Empty(t, volumes)
	})
}

// TestManyBinaries: go test ./... runs many at once, on one store.
func TestManyBinaries(t *testing.T) {
	t.Parallel()
	root, box := childStore(t)
	const n = 4
	errs := make(chan error, n)
	for range n {
		cmd := exec.Command(os.Args[0], "-test.run=^TestChild$")
		cmd.Env = append(os.Environ(), envChild+"=pass", dockertest.EnvRoot+"="+root, testenv.EnvTestbox+"="+box)
		go func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w\n%s", err, out)
			}
			errs <- err
		}()
	}
	for range n {
		require.NoError(t, <-errs)
	}
}
