package seccomp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/seccomp"
)

// BenchmarkSend is what a filter adds to a container's start: sending it to a
// waiting process until all threads have it.
func BenchmarkSend(b *testing.B) {
	if os.Geteuid() != 0 {
		skip(b, "root")
	}
	program := defaultProgram(b)
	for b.Loop() {
		b.StopTimer()
		p := startProcess(b, "gate", nil)
		p.waits(b)
		b.StartTimer()
		require.NoError(b, seccomp.Send(p.conn, program, 10*time.Second))
		b.StopTimer()
		p.stop()
		b.StartTimer()
	}
}

// waits returns when a thread of the process waits for its filter.
func (p *process) waits(t testing.TB) {
	t.Helper()
	calls := fmt.Sprintf("/proc/%d/task/*/syscall", p.cmd.Process.Pid)
	require.Eventually(t, func() bool {
		files, _ := filepath.Glob(calls)
		for _, f := range files {
			// The number of the call, then its arguments: the gate reads from descriptor 3 alone.
			if b, err := os.ReadFile(f); err == nil && len(strings.Fields(string(b))) > 1 && strings.Fields(string(b))[1] == "0x3" {
				return true
			}
		}
		return false
	}, 10*time.Second, 100*time.Microsecond)
}
