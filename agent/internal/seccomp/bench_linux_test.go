package seccomp_test

import (
	"os"
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
		time.Sleep(10 * time.Millisecond) // until it waits
		b.StartTimer()
		require.NoError(b, seccomp.Send(p.conn, program, 10*time.Second))
		b.StopTimer()
		p.stop()
		b.StartTimer()
	}
}
