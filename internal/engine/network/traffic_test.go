//go:build linux

package network_test

import (
	"net"
	"testing"

	"github.com/caisson-dev/caisson/internal/engine/network"
)

func TestContainersReachEachOtherByName(t *testing.T) {
	n := newNetwork(t, newManager(t), network.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	b := newBox(t, n, network.EndpointOptions{Name: "b"})
	b.serve(":8080", echo)
	b.servePackets(":8081")

	addr := a.lookup("b")
	checkEcho(t, a.dial("tcp", net.JoinHostPort(addr, "8080")), 8<<20)
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(addr, "8081")), 1200)
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(addr, "8081")), 20000)
}

func TestOutside(t *testing.T) {
	n := newNetwork(t, newManager(t), network.Spec{Name: "app"})
	a := newBox(t, n, network.EndpointOptions{Name: "a"})
	for _, addr := range []string{outside4, far4} {
		checkEcho(t, a.dial("tcp", net.JoinHostPort(addr, echoPort)), 32<<20)
	}
	checkPacketEcho(t, a.dial("udp", net.JoinHostPort(outside4, echoPort)), 1000)
}
