//go:build linux

package container_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

// TestStartedIsTheCommand: when Start has returned, the container's first process executes its command, and is no more
// the program that prepared it: what looks at it, or signals it, would meet that one.
func TestStartedIsTheCommand(t *testing.T) {
	t.Parallel()
	e := newEngine(t)
	for _, security := range []container.Security{{}, {Seccomp: container.Unconfined}} {
		for _, init := range []bool{false, true} {
			for range 3 {
				c := start(t, e, container.Options{Process: container.ProcessConfig{Init: init}, Security: security, Cmd: []string{"sleep", "1h"}, Network: container.NetworkNone})
				info, err := c.Inspect(t.Context())
				require.NoError(t, err)
				b, err := os.ReadFile("/proc/" + itoa(info.PID) + "/cmdline")
				require.NoError(t, err)
				want := "/bin/testbox sleep 1h "
				if init {
					want = "/dev/caisson-init -- " + want
				}
				assert.Equal(t, want, strings.ReplaceAll(string(b), "\x00", " "))
				require.NoError(t, c.Remove(t.Context(), container.RemoveOptions{Force: true}))
			}
		}
	}
}
