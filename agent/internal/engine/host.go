//go:build linux

package engine

import (
	"net/http"

	"github.com/caisson-dev/caisson/agent/internal/host"
	"github.com/caisson-dev/caisson/agent/internal/procstat"
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/internal/api"
	"github.com/caisson-dev/caisson/internal/version"
)

// machine answers the request for what this machine is and can do.
type machine struct{ host host.Host }

// Routes registers the request.
func (m machine) Routes(mux *wire.Mux) { mux.Handle(api.Host, wire.Handle(m.describe)) }

func (m machine) describe(*http.Request, wire.None) (*container.HostInfo, error) {
	h, err := procstat.Machine()
	if err != nil {
		return nil, err
	}
	h.Arch, h.Cgroups, h.Rootless, h.OneID = m.host.Arch, string(m.host.Cgroups), m.host.Rootless, m.host.OneID
	h.AppArmor, h.Version = m.host.LoadsProfiles(), version.Agent()
	for _, name := range []string{"memory", "cpu", "cpuset", "pids", "blkio"} {
		if m.host.CanLimit(name) == nil {
			h.Controllers = append(h.Controllers, name)
		}
	}
	return &h, nil
}
