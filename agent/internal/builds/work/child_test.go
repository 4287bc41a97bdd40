//go:build linux

package work_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/builds/work"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// child is a process with a store of its own, whose directory stands behind the scenario's name.
func child() {
	scenario, dir, _ := strings.Cut(os.Getenv(envChild), " ")
	im, s, nets, err := openStore(layoutIn(dir))
	must(err)
	if scenario == "build" {
		busy(s, dir)
	}
	must(nets.Close())
	must(im.Close())
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// busy has a root with files, a source, and a step that runs, until it is killed.
func busy(s *work.Service, dir string) {
	w, err := s.Worker()
	must(err)
	src, err := w.Context(filepath.Join(dir, "context"), work.ContextOptions{Lasting: true})
	must(err)
	r, err := w.Begin(context.Background(), "")
	must(err)
	must(r.Copy(context.Background(), work.Copy{Source: src, Paths: []string{"."}, Dest: "/bin/"}))
	base, err := r.Commit(context.Background(), work.CommitOptions{})
	must(err)
	_, err = w.Layer(context.Background(), base.ID)
	must(err)
	r, err = w.Begin(context.Background(), base.ID)
	must(err)
	must(r.Run(context.Background(), work.Run{
		Args: []string{"/bin/testbox", "traced"}, Env: []string{"MARK=" + dir}, Output: os.Stdout,
		Mounts: []work.Mount{{Type: work.MountBind, Source: src, Target: "/a/b", Write: true}, {Type: work.MountSecret, Target: "/s", Secret: []byte("x")}},
	}))
}

// TestRunKilled: what a killed process leaves of a build is gone when the next one has opened the store, also a step that
// takes care not to die with it.
func TestRunKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "context"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "context", "testbox"), testenv.Testbox(t), 0o755))
	start := func(scenario string) (*exec.Cmd, *bufio.Reader) {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), envChild+"="+scenario+" "+dir)
		cmd.Stderr = os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		return cmd, bufio.NewReader(out)
	}
	cmd, out := start("build")
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "traced\n", line)
	require.NotEmpty(t, processesWith(t, "MARK="+dir))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()

	cmd, _ = start("collect")
	require.NoError(t, cmd.Wait())
	assert.Empty(t, processesWith(t, "MARK="+dir))
	for _, empty := range []string{"root/tmp", "run/runtime"} {
		left, err := os.ReadDir(filepath.Join(dir, empty))
		require.NoError(t, err)
		assert.Empty(t, left, empty)
	}
	layers, err := filepath.Glob(filepath.Join(dir, "root/storage/overlay/*/diff"))
	require.NoError(t, err)
	assert.Empty(t, layers, "the layer is in no image")
	mounts, err := filepath.Glob("/sys/fs/cgroup/*/caisson-build-*")
	require.NoError(t, err)
	for _, m := range mounts {
		procs, err := os.ReadFile(filepath.Join(m, "cgroup.procs"))
		if err == nil {
			assert.NotContains(t, m, work.CgroupPrefix(filepath.Join(dir, "root")), string(procs))
		}
	}
}
