package request

import (
	"maps"
	"slices"
	"strconv"

	"github.com/moby/moby/api/types/network"

	"github.com/caisson-dev/caisson/container"
	"github.com/caisson-dev/caisson/dockerapi/shape"
)

// Network is a network to be made.
func Network(in network.CreateRequest) (container.NetworkOptions, error) {
	o := container.NetworkOptions{Name: in.Name, Internal: in.Internal, Labels: in.Labels, EnableIPv6: in.EnableIPv6 != nil && *in.EnableIPv6}
	switch {
	case in.Name == "":
		return o, invalid("invalid name: name is empty")
	case slices.Contains([]string{"bridge", "host", "none", "default"}, in.Name):
		return o, &Forbidden{invalid("operation is not permitted on predefined %s network", in.Name)}
	case in.Driver != "" && in.Driver != "bridge" && in.Driver != "default":
		return o, &Missing{invalid("could not find plugin %s in v1 plugin registry: plugin not found", in.Driver)}
	case in.Scope != "" && in.Scope != "local":
		return o, invalid("scope %s needs a swarm, which this engine has not", in.Scope)
	case in.Ingress, in.ConfigOnly, in.ConfigFrom != nil && in.ConfigFrom.Network != "":
		return o, invalid("ingress networks and configurations of networks are not supported by this engine: leave them out")
	case in.EnableIPv4 != nil && !*in.EnableIPv4:
		return o, invalid("networks without IPv4 are not supported by this engine")
	}
	if err := networkOptions(&o, in.Options); err != nil {
		return o, err
	}
	if in.IPAM == nil {
		return o, nil
	}
	if d := in.IPAM.Driver; d != "" && d != "default" {
		return o, &Missing{invalid("could not find plugin %s in v1 plugin registry: plugin not found", d)}
	}
	for _, c := range in.IPAM.Config {
		if len(c.AuxAddress) > 0 {
			return o, invalid("IPAM.Config.AuxiliaryAddresses is not supported by this engine: give an IPRange without them")
		}
		switch {
		case !c.Subnet.IsValid():
			if c.Gateway.IsValid() || c.IPRange.IsValid() {
				return o, invalid("invalid network config:\ninvalid subnet: it is empty, and a gateway or a range of addresses is given")
			}
		case c.Subnet.Addr().Is4() && !o.IPv4.IsValid():
			o.IPv4, o.IPv4Range, o.Gateway4 = c.Subnet.Masked(), c.IPRange, c.Gateway
		case c.Subnet.Addr().Is6() && !o.IPv6.IsValid():
			o.IPv6, o.IPv6Range, o.Gateway6 = c.Subnet.Masked(), c.IPRange, c.Gateway
		default:
			return o, invalid("bridge driver doesn't support multiple subnets")
		}
	}
	return o, nil
}

// networkOptions reads those of Docker's bridge driver. Those that would change what the network does are refused.
func networkOptions(o *container.NetworkOptions, given map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := given[name]
		switch name {
		case shape.MTUOption:
			n, err := strconv.Atoi(value)
			if err != nil {
				return invalid("option %s: %q is not a number", name, value)
			}
			o.MTU = n
		case "com.docker.network.bridge.name", "com.docker.network.bridge.enable_ip_masquerade", "com.docker.network.bridge.enable_icc",
			"com.docker.network.bridge.host_binding_ipv4", "com.docker.network.enable_ipv4", "com.docker.network.enable_ipv6",
			"com.docker.network.bridge.default_bridge", "com.docker.network.container_iface_prefix":
			// Names of interfaces and rules of a firewall that there are none of.
		default:
			return invalid("option %s of networks is not supported by this engine: leave it out", name)
		}
	}
	return nil
}

// Forbidden is an Invalid that Docker answers with 403.
type Forbidden struct{ error }

// Missing is an Invalid that Docker answers with 404.
type Missing struct{ error }
