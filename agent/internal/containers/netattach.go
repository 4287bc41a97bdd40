//go:build linux

package containers

import (
	"context"
	"fmt"

	"github.com/caisson-dev/caisson/agent/internal/etcfiles"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/networks"
	"github.com/caisson-dev/caisson/agent/internal/records"
	"github.com/caisson-dev/caisson/container"
)

// endpoints returns the networks that a container joins.
func endpoints(o *container.Options) []container.Endpoint { return records.Endpoints(o) }

// member is the container as the networks know it.
func (m *managed) member() networks.Member {
	o := &m.rec.Options
	return networks.Member{
		ID: m.rec.ID, Name: m.rec.Name, Hostname: m.rec.Hostname, Endpoints: endpoints(o), Ports: o.Ports, Resolvers: o.Networking.DNS.Servers,
		HostPorts: plan.HostPorts{All: o.Networking.AllHostPorts, Ports: o.Networking.HostPorts},
	}
}

func (m *managed) joinNetworks() (*networks.Place, error) {
	return m.s.networks.Join(context.Background(), m.member())
}

// writeNetFiles writes hosts and resolv.conf for a container on networks.
func (m *managed) writeNetFiles(p *networks.Place) error {
	var eps []etcfiles.Endpoint
	for _, e := range p.Endpoints() {
		eps = append(eps, etcfiles.Endpoint{IPv4: e.IPv4.Addr(), IPv6: e.IPv6.Addr(), DNS: e.DNS, Host: e.Host})
	}
	return m.s.launch.WriteNetFiles(&m.rec.Container, eps)
}

// canJoin refuses networks that are not there, and places that they don't have. Start would find out; but a container
// that can't start should not be made. mode is Options.Network as it was given.
func (s *Service) canJoin(o *container.Options, mode container.NetworkMode) error {
	internal := 0
	for i, ep := range o.Networking.Endpoints {
		field := fmt.Sprintf("Options.Networking.Endpoints[%d]", i)
		d, err := s.networks.Describe(ep.Network)
		switch {
		case err != nil && mode != "":
			return fmt.Errorf("Options.Network: %w", err)
		case err != nil:
			return fmt.Errorf("%s.Network: %w", field, err)
		}
		if err := d.Check(field, ep); err != nil {
			return err
		}
		if d.Internal {
			internal++
		}
	}
	if n := o.Networking; internal > 0 && internal == len(n.Endpoints) && (len(n.HostPorts) > 0 || n.AllHostPorts) {
		return invalid("Options.Networking.HostPorts and AllHostPorts: network %s is internal and does not reach the host: leave them out, or join another network",
			n.Endpoints[0].Network)
	}
	return nil
}
