package dockertest

import (
	"net"
	"net/netip"
	"testing"

	"github.com/caisson-dev/caisson/dockertest/internal/forward"
)

// Reserved is an address of this machine for a port of a container that is yet to start. It is an Option, for one container.
type Reserved struct {
	port uint16
	ln   net.Listener
}

// Reserve takes a free port of 127.0.0.1 for a TCP port of a container before it starts. It is for servers that tell their
// clients where to connect to, such as Kafka and the members of a replica set, and so must know it themselves:
//
//	at := dockertest.Reserve(t, 9092)
//	dockertest.Run(t, "apache/kafka:4.0.0", at,
//		dockertest.Env("KAFKA_ADVERTISED_LISTENERS", "PLAINTEXT://"+at.Addr()), …)
//
// This process forwards it, also after a Restart, until the container is gone. The port is not published in another way. Other
// containers do not reach it: they need a listener of their own, at an Alias. Reuse can't have it.
func Reserve(t testing.TB, port uint16) *Reserved {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("dockertest: reserve an address for port %d: %v", port, err)
	}
	t.Cleanup(func() { ln.Close() })
	return &Reserved{port, ln}
}

// Addr is host:port, which Container.Addr tells for the container's port, too.
func (r *Reserved) Addr() string { return r.ln.Addr().String() }

// HostPort is the port of Addr alone.
func (r *Reserved) HostPort() uint16 { return netip.MustParseAddrPort(r.Addr()).Port() }

func (r *Reserved) apply(s *settings) {
	s.owned = append(s.owned, "the address of Reserve")
	s.reserved = append(s.reserved, r)
	s.ports = append(s.ports, r.port) // it is waited for, as one of Port, and not published once more
}

// forwardReserved gives the reserved addresses their ways to the container.
func (f *Fixture) forwardReserved() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.settings.reserved {
		if f.forwards[r.port] == nil {
			f.keep(r.port, forward.Serve(r.ln, f.dialer(r.port)))
		}
	}
}
