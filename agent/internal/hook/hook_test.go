//go:build linux

package hook

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/internal/api"
)

// TestNames: the hook repeats what it can't import.
func TestNames(t *testing.T) {
	assert.Equal(t, api.EnvHook, envHook)
	assert.Equal(t, api.HookUserNS, userNS)
	assert.Equal(t, api.HookAgent, agent)
	assert.Equal(t, api.MapsFD, mapsFD)
	assert.Equal(t, api.AgentArg0, agentArg)
}
