//go:build linux

package hook

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const envChild = "CAISSON_TEST_CHILD"

// TestMain: a process that the hook did not take over must not run the tests again.
func TestMain(m *testing.M) {
	if os.Getenv(envChild) == "init" {
		fmt.Print(whereMainRuns())
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestInitThread: main of a container's init is on the first thread, which dies with the agent, although others have
// work for all threads.
func TestInitThread(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), envChild+"=init", "_LIBCONTAINER_INITPIPE=9")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "first of several threads: true, death signal: 9", string(out))
}

func whereMainRuns() string {
	for range 4 * runtime.GOMAXPROCS(0) {
		go func() {
			for {
				time.Sleep(time.Microsecond)
			}
		}()
	}
	for range 200 {
		time.Sleep(50 * time.Microsecond) // main comes back on whatever thread is free
	}
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err.Error()
	}
	var sig int32
	if err := unix.Prctl(unix.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&sig)), 0, 0, 0); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("first of several threads: %t, death signal: %d", unix.Gettid() == os.Getpid() && len(threads) > 1, sig)
}
