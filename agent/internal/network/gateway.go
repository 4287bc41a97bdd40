//go:build linux

package network

import (
	"net/netip"

	"github.com/caisson-dev/caisson/agent/internal/network/dns"
	"github.com/caisson-dev/caisson/agent/internal/network/gateway"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// startGateway makes this process's segment the middle of the network, and starts the gateway on it.
func (n *Network) startGateway() (*gateway.Gateway, error) {
	if err := n.seg.becomeHub(); err != nil {
		return nil, err
	}
	socket, err := n.seg.packetSocket(gatewayTap, gateway.Filter(n.spec))
	if err != nil {
		return nil, err
	}
	return gateway.Start(socket, gateway.Config{
		Spec: n.spec, Owns: n.m.owns, Endpoint: n.endpointAt, Shares: n.m.opts.Shares, Logger: n.log,
		DNS: dns.Config{Records: n.records, Resolvers: n.m.upstream.get},
	})
}

// records returns the record of this network, and those of all.
func (n *Network) records() (home *plan.Record, all []*plan.Record) {
	records, err := n.m.records()
	if err != nil {
		return nil, nil
	}
	for _, r := range records {
		all = append(all, r)
	}
	return records[n.dir], all
}

// owns reports whether addr belongs to some network.
func (m *Manager) owns(addr netip.Addr) bool {
	records, err := m.records()
	if err != nil {
		return false
	}
	for _, r := range records {
		if r.Spec.Contains(addr) {
			return true
		}
	}
	return false
}

// endpointAt finds the endpoint with an address.
func (n *Network) endpointAt(addr netip.Addr) (plan.EndpointRecord, bool) {
	r, err := n.state.view()
	if err != nil {
		return plan.EndpointRecord{}, false
	}
	return r.At(addr)
}
