package plan

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"sync"
)

// Spec describes a network. The zero value but for Name is a network with outside access, a free IPv4
// subnet and an MTU of 1500.
type Spec struct {
	Name     string
	IPv4     netip.Prefix // zero: a free /24
	IPv6     netip.Prefix // zero: none, unless EnableIPv6
	Gateway4 netip.Addr   // zero: the subnet's first address
	Gateway6 netip.Addr
	Range4   netip.Prefix // where free addresses come from; zero: the whole subnet
	Range6   netip.Prefix

	EnableIPv6 bool // choose a free unique-local /64 when IPv6 is zero
	MTU        int  // bytes; 0: 1500
	Internal   bool // no outside, no host, no default route
	NoHost     bool // host.docker.internal and its like are not reachable

	// Transient networks are removed once no process has joined them any more.
	Transient bool
}

// Info is a network as it is now.
type Info struct {
	Spec
	Endpoints []EndpointInfo
	Holders   int // processes that have joined
}

// EndpointInfo is a container's place on a network.
type EndpointInfo struct {
	ID        string
	Network   string
	Container string   // container id
	Name      string   // name on the network
	Aliases   []string // further names
	Interface string   // name inside the container
	MAC       string
	IPv4      netip.Prefix
	IPv6      netip.Prefix
	Gateway4  netip.Addr // zero on an internal network
	Gateway6  netip.Addr
	DNS       netip.Addr // the network's name server
	Host      netip.Addr // host.docker.internal; zero where the host is not reachable
	HostPorts HostPorts  // that it reaches of the host's loopback
	Resolvers []netip.AddrPort
}

const defaultMTU = 1500

// HostAddr stands for the host: for its addresses, and for its loopback where that is open to the container. Link-local,
// as no subnet contains it and the default route brings it to the gateway.
var HostAddr = netip.AddrFrom4([4]byte{169, 254, 1, 2})

// HostNames resolve to HostAddr on every network that can reach the host.
var HostNames = []string{"host.docker.internal", "host.containers.internal"}

var nameRE = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$`) })

// Validate fails with ErrInvalid, and says which field is wrong.
func (s Spec) Validate() error {
	if !nameRE().MatchString(s.Name) {
		return fmt.Errorf("network name %q: %w: letters, digits, '_', '.' and '-' only", s.Name, ErrInvalid)
	}
	if s.IPv4.IsValid() && (!s.IPv4.Addr().Is4() || s.IPv4.Bits() > 29 || s.IPv4.Bits() < 8) {
		return fmt.Errorf("network %s: IPv4 subnet %s: %w: want an IPv4 prefix from /8 to /29", s.Name, s.IPv4, ErrInvalid)
	}
	if s.IPv6.IsValid() && (!s.IPv6.Addr().Is6() || s.IPv6.Bits() > 120) {
		return fmt.Errorf("network %s: IPv6 subnet %s: %w: want an IPv6 prefix of at most /120", s.Name, s.IPv6, ErrInvalid)
	}
	if s.MTU != 0 && (s.MTU < 1280 || s.MTU > 65520) {
		return fmt.Errorf("network %s: MTU %d: %w: want 1280 to 65520", s.Name, s.MTU, ErrInvalid)
	}
	return nil
}

// Complete fills in what follows from the subnets, which are set by now.
func (s *Spec) Complete() error {
	s.IPv4 = s.IPv4.Masked()
	if !s.Gateway4.IsValid() {
		s.Gateway4 = s.IPv4.Addr().Next()
	}
	if !Usable(s.IPv4, s.Gateway4) {
		return fmt.Errorf("network %s: gateway %s: %w: not a host address of %s", s.Name, s.Gateway4, ErrInvalid, s.IPv4)
	}
	if s.IPv6.IsValid() {
		s.EnableIPv6 = true
		s.IPv6 = s.IPv6.Masked()
		if !s.Gateway6.IsValid() {
			s.Gateway6 = s.IPv6.Addr().Next()
		}
		if !Usable(s.IPv6, s.Gateway6) {
			return fmt.Errorf("network %s: gateway %s: %w: not a host address of %s", s.Name, s.Gateway6, ErrInvalid, s.IPv6)
		}
	}
	if s.MTU == 0 {
		s.MTU = defaultMTU
	}
	return nil
}

// Contains reports whether addr belongs to one of the network's subnets.
func (s Spec) Contains(addr netip.Addr) bool {
	return s.IPv4.Contains(addr) || s.IPv6.IsValid() && s.IPv6.Contains(addr)
}

// HostReachable reports whether containers reach the host at HostAddr.
func (s Spec) HostReachable() bool { return !s.Internal && !s.NoHost }

// MAC derives a hardware address from an IPv4 address, so that an address given out again comes with the
// same hardware address and neighbours' caches stay right.
func MAC(addr netip.Addr) net.HardwareAddr {
	a := addr.As4()
	return net.HardwareAddr{0x02, 0x42, a[0], a[1], a[2], a[3]}
}
