//go:build linux

package gateway

import (
	"fmt"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"

	"github.com/caisson-dev/caisson/agent/internal/network/dns"
)

// serveDNS answers at the gateway's addresses, port 53, UDP and TCP.
func (g *Gateway) serveDNS(addrs []netip.Addr) error {
	g.dns = dns.New(g.cfg.DNS)
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
