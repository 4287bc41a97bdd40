//go:build linux

package engine

import (
	"net/http"
	"os"
	"time"

	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

// leaving is how long Destroy waits for agents that are about to leave, as that of a container that was just removed.
const leaving = 3 * time.Second

// wantDestroy notes that the store is to be removed at the end, if this agent is its only one.
func (a *agent) wantDestroy(r *http.Request, _ wire.None) (wire.None, error) {
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		entries, err := os.ReadDir(a.layout.Agents())
		if err != nil {
			return wire.None{}, err
		}
		if len(entries) == 1 {
			a.destroy.Store(true)
			return wire.None{}, nil
		}
		if err := r.Context().Err(); err != nil {
			return wire.None{}, err
		}
		if time.Since(begin) > leaving {
			return wire.None{}, api.Errorf(api.ErrInUse, "destroy the store %s: other processes have it open, or containers run detached: end them first", a.layout.Root)
		}
		if err := removeDeadAgents(a.layout.Agents()); err != nil {
			return wire.None{}, err
		}
	}
}
