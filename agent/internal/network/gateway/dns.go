//go:build linux

package gateway

import (
	"fmt"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"

	"github.com/caisson-dev/caisson/agent/internal/network/dns"
	"github.com/caisson-dev/caisson/agent/internal/network/share"
)

// serveDNS answers at the gateway's addresses, port 53, UDP and TCP.
func (g *Gateway) serveDNS(addrs []netip.Addr) error {
	cfg := g.cfg.DNS
	cfg.Admit = g.admitQuestion
	g.dns = dns.New(cfg)
	for _, a := range addrs {
		full := tcpip.FullAddress{NIC: nicID, Addr: toTCPIP(a), Port: 53}
		pc, err := gonet.DialUDP(g.stack, &full, nil, netProto(a))
		if err != nil {
			return fmt.Errorf("serve DNS on %s: %w", a, err)
		}
		g.dns.ServePacket(pc)
		ln, err := gonet.ListenTCP(g.stack, full, netProto(a))
		if err != nil {
			return fmt.Errorf("serve DNS on %s: %w", a, err)
		}
		g.dns.ServeStream(ln)
	}
	return nil
}

// admitQuestion takes a share for a question that goes on to a resolver, or for a connection of questions.
func (g *Gateway) admitQuestion(src netip.Addr) (done func(), ok bool) {
	lease := g.take(src, share.Amount{share.Descriptors: 1, share.Flows: 1, share.Pending: 1})
	return lease.Release, lease != nil
}
