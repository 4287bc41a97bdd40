//go:build linux

package container_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/testenv"
)

// BenchmarkAgainstRunc runs a container's whole life here and by runc run, in turns, and reports the ratio: below 1 is
// faster than runc. Both have a private loopback, seccomp as they come, and cgroups; runc has no image, layer, log or
// name to care for.
func BenchmarkAgainstRunc(b *testing.B) {
	testenv.Root(b)
	runc := testenv.Program(b, "runc", "runc")
	bundle := runcBundle(b, runc)
	e := newEngine(b)
	var ours, theirs time.Duration
	n := 0
	for b.Loop() {
		begin := time.Now()
		c, err := e.Create(b.Context(), container.Options{Image: testImage, Cmd: []string{"true"}, Network: container.NetworkNone})
		require.NoError(b, err)
		require.NoError(b, c.Start(b.Context()))
		_, err = c.Wait(b.Context())
		require.NoError(b, err)
		require.NoError(b, c.Remove(b.Context(), container.RemoveOptions{}))
		ours += time.Since(begin)

		begin = time.Now()
		n++
		out, err := exec.Command(runc, "run", "--bundle", bundle, fmt.Sprintf("caisson-bench-%d-%d", os.Getpid(), n)).CombinedOutput()
		require.NoError(b, err, "%s", out)
		theirs += time.Since(begin)
	}
	b.ReportMetric(float64(ours.Microseconds())/float64(n)/1000, "caisson-ms")
	b.ReportMetric(float64(theirs.Microseconds())/float64(n)/1000, "runc-ms")
	b.ReportMetric(float64(ours)/float64(theirs), "ratio")
}

// runcBundle makes a bundle with the test userland, as runc spec has it but without a terminal.
func runcBundle(b *testing.B, runc string) string {
	dir := b.TempDir()
	require.NoError(b, os.MkdirAll(filepath.Join(dir, "rootfs", "bin"), 0o755))
	require.NoError(b, os.WriteFile(filepath.Join(dir, "rootfs", "bin", "testbox"), testenv.Testbox(b), 0o755))
	cmd := exec.Command(runc, "spec")
	cmd.Dir = dir
	require.NoError(b, cmd.Run())
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(path)
	require.NoError(b, err)
	var spec map[string]any
	require.NoError(b, json.Unmarshal(text, &spec))
	process := spec["process"].(map[string]any)
	process["terminal"], process["args"] = false, []string{"/bin/testbox", "true"}
	delete(process, "rlimits") // runc may not raise them here
	text, err = json.Marshal(spec)
	require.NoError(b, err)
	require.NoError(b, os.WriteFile(path, text, 0o644))
	return dir
}
