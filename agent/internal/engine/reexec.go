//go:build linux

package engine

import (
	"os"

	"github.com/caisson-dev/caisson/agent/internal/stage"
	"github.com/caisson-dev/caisson/internal/api"
)

// Reexec takes this process over if it was started to be the agent or what an agent starts. Otherwise it returns.
func Reexec() {
	stage.Enter()
	if !late {
		Enter()
	}
}

// Enter takes this process over if it was started to be the agent.
func Enter() {
	if os.Args[0] == api.AgentArg0 && os.Getenv(api.EnvHook) == api.HookAgent {
		os.Exit(Main())
	}
}
