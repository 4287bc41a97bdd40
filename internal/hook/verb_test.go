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
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
