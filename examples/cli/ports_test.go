//go:build linux

package main

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/container"
)

func TestPortsText(t *testing.T) {
	bind := func(addr string, inside uint16, protocol string) container.PortBinding {
		return container.PortBinding{Host: netip.MustParseAddrPort(addr), Container: inside, Protocol: protocol}
	}
	for want, ports := range map[string][]container.PortBinding{
		"":                       nil,
		"127.0.0.1:8080->80/tcp": {bind("127.0.0.1:8080", 80, "tcp")},
		"0.0.0.0:80-81->80-81/tcp, 127.0.0.1:8080->80/tcp": {bind("127.0.0.1:8080", 80, "tcp"), bind("0.0.0.0:81", 81, "tcp"), bind("0.0.0.0:80", 80, "tcp")},
		"0.0.0.0:53->53/udp, [::]:53->53/udp":              {bind("[::]:53", 53, "udp"), bind("0.0.0.0:53", 53, "udp")},
		"0.0.0.0:8000->80/tcp, 0.0.0.0:8001->81/tcp":       {bind("0.0.0.0:8001", 81, "tcp"), bind("0.0.0.0:8000", 80, "tcp")},
	} {
		require.Equal(t, want, portsText(container.Info{Ports: ports}))
	}
	info := container.Info{Networks: []container.EndpointInfo{{Network: "bridge"}}, Ports: []container.PortBinding{bind("127.0.0.1:8080", 80, "tcp")}}
	info.Config.ExposedPorts = []string{"80/tcp", "90/tcp", "91/tcp", "53/udp"}
	info.Options.Networking.Exposed = []string{"92"}
	require.Equal(t, "53/udp, 90-92/tcp, 127.0.0.1:8080->80/tcp", portsText(info))
	info.Networks = nil
	require.Equal(t, "127.0.0.1:8080->80/tcp", portsText(info))
}
