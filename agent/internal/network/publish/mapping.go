package publish

import (
	"fmt"
	"net/netip"
)

// Mapping publishes container ports on the host.
type Mapping struct {
	HostIP        netip.Addr // zero: 127.0.0.1; 0.0.0.0 or :: is every address
	HostPort      uint16     // 0: a free one
	ContainerPort uint16
	Proto         string // "tcp", the default, or "udp"

	// Ends of ranges, included; 0: a single port. Ranges of equal length pair up. A host range with a single
	// container port takes its first free port.
	HostPortEnd      uint16
	ContainerPortEnd uint16
}

// Binding is a port as it is published.
type Binding struct {
	Host      netip.AddrPort
	Container uint16
	Proto     string
}

// String is as in "127.0.0.1:49153->80/tcp".
func (b Binding) String() string { return fmt.Sprintf("%s->%d/%s", b.Host, b.Container, b.Proto) }

// request is one port to publish: the first of candidates that is free.
type request struct {
	candidates []netip.AddrPort
	container  uint16
	proto      string
}

// expand checks the mapping and splits it into single ports.
func (m Mapping) expand() ([]request, error) {
	if m.Proto == "" {
		m.Proto = "tcp"
	}
	if !m.HostIP.IsValid() {
		m.HostIP = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	m.HostPortEnd = max(m.HostPortEnd, m.HostPort)
	hosts := int(m.HostPortEnd) - int(m.HostPort) + 1
	if m.ContainerPortEnd == 0 {
		m.ContainerPortEnd = m.ContainerPort
	}
	containers := int(m.ContainerPortEnd) - int(m.ContainerPort) + 1
	switch {
	case m.Proto != "tcp" && m.Proto != "udp":
		return nil, fmt.Errorf("publish: protocol %q: %w: want tcp or udp", m.Proto, ErrInvalid)
	case m.ContainerPort == 0:
		return nil, fmt.Errorf("publish: %w: no container port", ErrInvalid)
	case containers < 1:
		return nil, fmt.Errorf("publish: container ports %d-%d: %w: the range ends before it begins", m.ContainerPort, m.ContainerPortEnd, ErrInvalid)
	case m.HostPort == 0 && m.HostPortEnd != 0:
		return nil, fmt.Errorf("publish: host ports 0-%d: %w: a range begins at 1 or above", m.HostPortEnd, ErrInvalid)
	case m.HostPort != 0 && containers > 1 && hosts != containers:
		return nil, fmt.Errorf("publish: %w: %d host ports for %d container ports: make the ranges equally long", ErrInvalid, hosts, containers)
	}
	var reqs []request
	for i := range containers {
		r := request{container: m.ContainerPort + uint16(i), proto: m.Proto}
		switch {
		case m.HostPort == 0:
			r.candidates = []netip.AddrPort{netip.AddrPortFrom(m.HostIP, 0)}
		case containers > 1:
			r.candidates = []netip.AddrPort{netip.AddrPortFrom(m.HostIP, m.HostPort+uint16(i))}
		default:
			for j := range hosts {
				r.candidates = append(r.candidates, netip.AddrPortFrom(m.HostIP, m.HostPort+uint16(j)))
			}
		}
		reqs = append(reqs, r)
	}
	return reqs, nil
}
