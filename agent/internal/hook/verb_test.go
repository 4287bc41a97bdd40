//go:build linux

package hook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/internal/unixsock"
)

// TestAskAgent runs this binary, which has the hook, as a runtime's short verbs.
func TestAskAgent(t *testing.T) {
	root := filepath.Join(t.TempDir(), "build")
	require.NoError(t, os.Mkdir(root, 0o700))
	for _, tc := range []struct {
		name, answer string
		code         int
		out, err     string
	}{
		{"output", "\x00{}\n", 0, "{}\n", ""},
		{"silence", "\x00", 0, "", ""},
		{"failure", "\x01no such step\n", 1, "", "no such step\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l, err := unixsock.Listen(filepath.Join(root, verbSocket))
			require.NoError(t, err)
			defer os.Remove(filepath.Join(root, verbSocket))
			defer l.Close()
			asked := make(chan string, 1)
			go answer(l, asked, tc.answer)
			code, out, stderr := runVerb(t, root)
			assert.Equal(t, "--root\x00"+root+"\x00state\x00step\x00", <-asked)
			assert.Equal(t, tc.code, code)
			assert.Equal(t, tc.out, out)
			assert.Equal(t, tc.err, stderr)
		})
	}
}

// TestAskNobody: the process goes on, and does the verb itself.
func TestAskNobody(t *testing.T) {
	code, out, _ := runVerb(t, t.TempDir())
	assert.Equal(t, 7, code)
	assert.Equal(t, "went on", out)
}

const envChild = "CAISSON_TEST_CHILD"

// TestMain: a process that the hook did not take over must not run the tests again.
func TestMain(m *testing.M) {
	if os.Getenv(envChild) == "init" {
		fmt.Print(whereMainRuns())
		os.Exit(0)
	}
	if os.Getenv(envChild) != "" {
		fmt.Print("went on")
		os.Exit(7)
	}
	os.Exit(m.Run())
}

func answer(l net.Listener, asked chan<- string, text string) {
	c, err := l.Accept()
	if err != nil {
		asked <- err.Error()
		return
	}
	defer c.Close()
	b, err := io.ReadAll(c)
	if err != nil {
		b = []byte(err.Error())
	}
	asked <- string(b)
	_, _ = io.WriteString(c, text) // what is not read shows as another output
}

func runVerb(t *testing.T, root string) (code int, out, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	cmd := exec.Command(os.Args[0], verbArg, "--root", root, "state", "step")
	cmd.Env = append(os.Environ(), envChild+"=1")
	cmd.Stdout, cmd.Stderr = &o, &e
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), e.String()
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
