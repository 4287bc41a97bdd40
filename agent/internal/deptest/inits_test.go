//go:build linux

package deptest

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/internal/agentbin"
)

// TestInits: a container's init and the entry of the user namespace pay for every package that is initialised before
// their hook, and a container's init for all.
func TestInits(t *testing.T) {
	agent, err := agentbin.Agent()
	require.NoError(t, err)
	cmd := exec.Command(agent, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace strings.Builder
	cmd.Stderr = &trace
	require.NoError(t, cmd.Run())
	before, all := -1, 0
	for line := range strings.Lines(trace.String()) {
		if !strings.HasPrefix(line, "init ") {
			continue
		}
		if strings.HasPrefix(line, "init github.com/caisson-dev/caisson/agent/internal/hook ") {
			before = all
		}
		all++
	}
	require.GreaterOrEqual(t, before, 0, "the hook has an init")
	assert.LessOrEqual(t, before, 25, "packages that are initialised before the hook")
	assert.LessOrEqual(t, all, 440, "packages that have an init: each container's init pays for them")
	assert.False(t, strings.Contains(trace.String(), "init github.com/google/gopacket/layers "), "gopacket costs 3 ms at every start")
}
