//go:build linux

package containers

import (
	"github.com/caisson-dev/caisson/agent/internal/wire"
	"github.com/caisson-dev/caisson/internal/api"
)

// routeOperations registers what can be done with a container beyond its life.
func (s *Service) routeOperations(mux *wire.Mux) {
	files := s.newFileRequests()
	mux.Handle(api.Events, s.Events.Serve)
	mux.Handle(api.ContainerPause, s.running(wire.Handle(s.pause)))
	mux.Handle(api.ContainerResume, s.running(wire.Handle(s.resume)))
	mux.Handle(api.ContainerRename, s.settled(wire.Handle(s.rename)))
	mux.Handle(api.ContainerTop, s.running(wire.Handle(s.top)))
	mux.Handle(api.ContainerStats, s.running(wire.Handle(s.stats)))
	mux.Handle(api.ContainerStat, s.settled(wire.Handle(files.Stat)))
	mux.Handle(api.ContainerCopyTo, s.settled(files.CopyTo))
	mux.Handle(api.ContainerCopyFrom, s.settled(files.CopyFrom))
	mux.Handle(api.ContainerExport, s.settled(files.Export))
	mux.Handle(api.ContainerDiff, s.settled(wire.Handle(s.diff)))
	mux.Handle(api.ContainerUpdate, s.settled(wire.Handle(s.update)))
	mux.Handle(api.ContainerConnect, s.settled(wire.Handle(s.connect)))
	mux.Handle(api.ContainerDisconnect, s.settled(wire.Handle(s.disconnect)))
	mux.Handle(api.ContainerSocket, wire.Handle(s.socketOf))
	mux.Handle(api.ContainerDial, s.dial)
	mux.Handle(api.ContainerListen, s.listen)
	s.routeCopies(mux)
	s.networks.Routes(mux)
	s.volumes.Routes(mux)
}
