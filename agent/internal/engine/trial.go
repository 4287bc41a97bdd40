//go:build linux

package engine

import (
	"encoding/json"
	"os"

	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/trial"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/version"
)

// tryOnly does the work of a process that is to try what a container needs, and says whether this is one.
func (a *agent) tryOnly() (code int, done bool) {
	var cfg api.Config
	if err := json.Unmarshal([]byte(os.Getenv(api.EnvConfig)), &cfg); err != nil {
		return 0, false // configure says why
	}
	switch cfg.Role {
	case api.RoleTrialChild:
		return trial.Child(), true
	case api.RoleTrial:
		unix.CloseOnExec(api.LifelineFD)
		if err := a.line.hello(api.Hello{Protocol: api.Protocol, Version: version.Agent(), Trials: trial.Run()}); err != nil {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
