package container

import (
	"context"

	"github.com/caisson-dev/caisson/internal/api"
)

// HostInfo describes the machine that containers run on, and what they can have there.
type HostInfo struct {
	Name   string `json:"name"`             // its host name
	Kernel string `json:"kernel"`           // its release, such as 6.12.1-amd64
	System string `json:"system,omitempty"` // the name in os-release, such as Debian GNU/Linux 13 (trixie); empty if there is none
	// SystemVersion is the VERSION_ID in os-release; empty if there is none.
	SystemVersion string `json:"systemVersion,omitempty"`
	Arch          string `json:"arch"` // as Go names it, such as amd64
	CPUs          int    `json:"cpus"` // processors online
	Memory        int64  `json:"memory"`
	// Cgroups are the hierarchies: v1, v2, or hybrid, whose controllers are those of v1.
	Cgroups string `json:"cgroups"`
	// Controllers are what this user can limit, of memory, cpu, cpuset, pids and blkio. Resources that need another one are
	// ErrUnsupported.
	Controllers []string `json:"controllers,omitempty"`
	Rootless    bool     `json:"rootless,omitempty"` // the engine runs as an ordinary user, in a user namespace
	OneID       bool     `json:"oneID,omitempty"`    // containers have a single user id
	AppArmor    bool     `json:"appArmor,omitempty"` // containers get an AppArmor profile by default
	Version     string   `json:"version"`            // of the engine
}

// Host describes the machine that the engine's containers run on.
//
// Errors: those that every function has.
func (e *Engine) Host(ctx context.Context) (*HostInfo, error) {
	var h HostInfo
	if err := e.c.Do(ctx, api.Host, nil, &h); err != nil {
		return nil, err
	}
	return &h, nil
}
