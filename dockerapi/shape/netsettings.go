package shape

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	docker "github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
)

// NetworkSettings are where a container is on its networks, with the fields of versions before 1.52: its place on the
// default network at the top.
type NetworkSettings struct {
	docker.NetworkSettings
	Bridge                 string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	SecondaryIPAddresses   []string
	SecondaryIPv6Addresses []string
	EndpointID             string
	Gateway                netip.Addr
	GlobalIPv6Address      netip.Addr
	GlobalIPv6PrefixLen    int
	IPAddress              netip.Addr
	IPPrefixLen            int
	IPv6Gateway            netip.Addr
	MacAddress             network.HardwareAddr
}

// networkSettings has of a container that does not run the networks that it joins when it starts.
func networkSettings(info *container.Info, ids map[string]string) *NetworkSettings {
	s := &NetworkSettings{}
	s.SandboxID, s.Ports, s.Networks = info.ID, network.PortMap{}, Endpoints(info, ids)
	if info.PID != 0 {
		s.SandboxKey = "/proc/" + strconv.Itoa(info.PID) + "/ns/net"
		for p := range exposed(info) {
			s.Ports[p] = nil
		}
	}
	for _, b := range info.Ports {
		key := portKey(b.Container, b.Protocol)
		s.Ports[key] = append(s.Ports[key], network.PortBinding{HostIP: b.Host.Addr(), HostPort: strconv.Itoa(int(b.Host.Port()))})
	}
	if n := s.Networks[string(container.NetworkDefault)]; n != nil {
		s.IPAddress, s.IPPrefixLen, s.Gateway, s.MacAddress, s.EndpointID = n.IPAddress, n.IPPrefixLen, n.Gateway, n.MacAddress, n.EndpointID
		s.GlobalIPv6Address, s.GlobalIPv6PrefixLen, s.IPv6Gateway = n.GlobalIPv6Address, n.GlobalIPv6PrefixLen, n.IPv6Gateway
	}
	return s
}

// Endpoints are the places of a container on its networks, by name.
func Endpoints(info *container.Info, ids map[string]string) map[string]*network.EndpointSettings {
	out := map[string]*network.EndpointSettings{}
	for _, n := range info.Networks {
		mac, _ := net.ParseMAC(n.MAC) // it is the engine's own
		out[n.Network] = &network.EndpointSettings{
			NetworkID: ids[n.Network], EndpointID: endpointID(info.ID, n.Network), MacAddress: network.HardwareAddr(mac),
			IPAddress: n.IPv4.Addr(), IPPrefixLen: max(n.IPv4.Bits(), 0), Gateway: n.Gateway4,
			GlobalIPv6Address: n.IPv6.Addr(), GlobalIPv6PrefixLen: max(n.IPv6.Bits(), 0), IPv6Gateway: n.Gateway6,
			DNSNames: dnsNames(info, n.Network, n.Aliases),
		}
	}
	if len(out) == 0 {
		for _, n := range Networks(info) {
			out[n] = &network.EndpointSettings{NetworkID: ids[n]}
		}
	}
	extra, _ := ExtraOf(&info.Options)
	for _, e := range info.Options.Networking.Endpoints {
		n := out[e.Network]
		if n == nil {
			continue
		}
		if e.IPv4.IsValid() || e.IPv6.IsValid() {
			n.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: e.IPv4, IPv6Address: e.IPv6}
		}
		n.Aliases = e.Aliases
		if x, ok := extra.Endpoints[e.Network]; ok {
			n.IPAMConfig, n.Links, n.DriverOpts, n.GwPriority = x.IPAMConfig, x.Links, x.DriverOpts, x.GwPriority
		}
	}
	return out
}

// endpointID is one of 64 digits for each container on each network.
func endpointID(id, network string) string { return digest("endpoint", id, network) }

// dnsNames are the names by which others on a network find the container. The default network knows no names in Docker.
func dnsNames(info *container.Info, network string, aliases []string) []string {
	if network == string(container.NetworkDefault) {
		return nil
	}
	var out []string
	for _, n := range append(append([]string{info.Name}, aliases...), ShortID(info.ID), info.Options.Networking.Hostname) {
		if n != "" && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// Networks are the names of the networks that a container is on, or joins when it starts.
func Networks(info *container.Info) []string {
	var out []string
	for _, n := range info.Networks {
		out = append(out, n.Network)
	}
	if len(out) == 0 {
		for _, e := range info.Options.Networking.Endpoints {
			out = append(out, e.Network)
		}
	}
	if len(out) == 0 {
		mode := first(string(info.Options.Network), string(container.NetworkDefault))
		if docker.NetworkMode(mode).IsContainer() {
			return nil // it has the other's
		}
		out = []string{mode}
	}
	slices.Sort(out)
	return out
}

// exposed are the ports of the image, of --expose and of -p.
func exposed(info *container.Info) network.PortSet {
	out := network.PortSet{}
	for _, e := range append(append([]string{}, info.Config.ExposedPorts...), info.Options.Networking.Exposed...) {
		if r, err := network.ParsePortRange(e); err == nil {
			for p := range r.All() {
				out[p] = struct{}{}
			}
		}
	}
	for _, p := range info.Options.Ports {
		for i := range max(p.Count, 1) {
			out[portKey(p.Container+i, protocolOf(p))] = struct{}{}
		}
	}
	return out
}

// Exposed are the ports that a container says to listen on.
func Exposed(info *container.Info) network.PortSet { return exposed(info) }

// Ports are the ports of a running container as docker ps lists them: those that are published, and those that are only
// exposed.
func Ports(info *container.Info) []docker.PortSummary {
	out := []docker.PortSummary{}
	published := network.PortSet{}
	for _, b := range info.Ports {
		published[portKey(b.Container, b.Protocol)] = struct{}{}
		out = append(out, docker.PortSummary{IP: b.Host.Addr(), PrivatePort: b.Container, PublicPort: b.Host.Port(), Type: b.Protocol})
	}
	if info.PID != 0 {
		for p := range exposed(info) {
			if _, ok := published[p]; !ok {
				out = append(out, docker.PortSummary{PrivatePort: p.Num(), Type: string(p.Proto())})
			}
		}
	}
	slices.SortFunc(out, func(a, b docker.PortSummary) int {
		for _, d := range []int{int(a.PrivatePort) - int(b.PrivatePort), int(a.PublicPort) - int(b.PublicPort), a.IP.Compare(b.IP)} {
			if d != 0 {
				return d
			}
		}
		return 0
	})
	return out
}
