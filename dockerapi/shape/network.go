package shape

import (
	"maps"
	"net"
	"strconv"

	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
)

// MTUOption is the option of Docker's bridge driver that has the size of packets.
const MTUOption = "com.docker.network.driver.mtu"

// Predefined are the two networks of Docker that are no networks here: they can be named, and not be made or removed.
func Predefined() []network.Inspect {
	var out []network.Inspect
	for _, name := range []string{"host", "none"} {
		driver := name
		if name == "none" {
			driver = "null"
		}
		out = append(out, network.Inspect{
			Network: network.Network{
				Name: name, ID: digest("network", name), Scope: "local", Driver: driver, EnableIPv4: true, IPAM: network.IPAM{Driver: "default", Config: []network.IPAMConfig{}},
				Options: map[string]string{}, Labels: map[string]string{},
			},
			Containers: map[string]network.EndpointResource{},
		})
	}
	return out
}

// Network is a network as docker network inspect shows it. places are the containers that run on it, by id.
func Network(n *container.NetworkInfo, places map[string]container.EndpointInfo) network.Inspect {
	out := network.Inspect{
		Network: network.Network{
			Name: n.Name, ID: n.ID, Created: n.Created, Scope: "local", Driver: "bridge", EnableIPv4: true, EnableIPv6: n.IPv6.IsValid(),
			IPAM: network.IPAM{Driver: "default", Config: []network.IPAMConfig{}}, Internal: n.Internal,
			Options: map[string]string{}, Labels: map[string]string{},
		},
		Containers: map[string]network.EndpointResource{},
	}
	maps.Copy(out.Labels, n.Labels)
	if n.MTU != 0 {
		out.Options[MTUOption] = strconv.Itoa(n.MTU)
	}
	if n.Name == string(container.NetworkDefault) {
		out.Options["com.docker.network.bridge.default_bridge"] = "true"
	}
	if n.IPv4.IsValid() {
		out.IPAM.Config = append(out.IPAM.Config, network.IPAMConfig{Subnet: n.IPv4, IPRange: n.IPv4Range, Gateway: n.Gateway4})
	}
	if n.IPv6.IsValid() {
		out.IPAM.Config = append(out.IPAM.Config, network.IPAMConfig{Subnet: n.IPv6, IPRange: n.IPv6Range, Gateway: n.Gateway6})
	}
	for id, name := range n.Containers {
		p := places[id]
		mac, _ := net.ParseMAC(p.MAC) // it is the engine's own; empty for one that has just gone
		out.Containers[id] = network.EndpointResource{
			Name: name, EndpointID: endpointID(id, n.Name), MacAddress: network.HardwareAddr(mac), IPv4Address: p.IPv4, IPv6Address: p.IPv6,
		}
	}
	return out
}
