package container

import (
	"context"
	"net/netip"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// NetworkDefault is the network that a container joins when its options name none. It need not be created. It has an
// IPv4 subnet that the host does not use, access to the outside, and DNS with the names of all its containers. The name
// host.docker.internal stands for the host there: for its addresses, and for its loopback at the ports that
// NetworkingConfig.HostPorts opens.
const NetworkDefault NetworkMode = "bridge"

// Port publishes a port of the container on the host. The port is bound before the container starts, so that clients can
// connect as soon as the process listens.
type Port struct {
	// Container is the port in the container, from 1 to 65535.
	Container uint16 `json:"container"`
	// Host is the port on the host. Default: a free one; Info.Ports and Container.Addr tell which.
	Host uint16 `json:"host,omitempty"`
	// HostLast makes of Host the beginning of a range: the port on the host is the first free one from Host to HostLast. It
	// can't be combined with Count. Default: Host alone.
	HostLast uint16 `json:"hostLast,omitempty"`
	// HostIP is the address of the host. 0.0.0.0 and :: stand for all addresses. Default: 127.0.0.1. That is not Docker's
	// default, 0.0.0.0: what a test or a tool publishes is for this machine.
	HostIP netip.Addr `json:"hostIP,omitzero"`
	// Protocol is tcp or udp. Default: tcp.
	Protocol string `json:"protocol,omitempty"`
	// Count is how many ports in a row are published, from Container and Host on. Default: 1.
	Count uint16 `json:"count,omitempty"`
}

// Endpoint says how a container joins a network.
type Endpoint struct {
	// Network is the name of the network.
	Network string `json:"network"`
	// Aliases are further names that the container has on this network. Default: its name and host name alone.
	Aliases []string `json:"aliases,omitempty"`
	// IPv4 and IPv6 are addresses in the subnets of the network. Default: free ones.
	IPv4 netip.Addr `json:"ipv4,omitzero"`
	IPv6 netip.Addr `json:"ipv6,omitzero"`
	// MAC is the hardware address, such as 02:42:ac:11:00:02. Default: one that is made of the IPv4 address.
	MAC string `json:"mac,omitempty"`
}

// EndpointInfo describes the place of a running container on a network.
type EndpointInfo struct {
	Network   string       `json:"network"`
	Aliases   []string     `json:"aliases,omitempty"`
	Interface string       `json:"interface"` // in the container, such as eth0
	MAC       string       `json:"mac"`
	IPv4      netip.Prefix `json:"ipv4,omitzero"`
	IPv6      netip.Prefix `json:"ipv6,omitzero"`
	Gateway4  netip.Addr   `json:"gateway4,omitzero"`
	Gateway6  netip.Addr   `json:"gateway6,omitzero"`
}

// PortBinding is a published port of a running container.
type PortBinding struct {
	Host      netip.AddrPort `json:"host"`
	Container uint16         `json:"container"`
	Protocol  string         `json:"protocol"` // tcp or udp
}

// NetworkOptions describe a network to create. The zero value of every field but Name is right.
type NetworkOptions struct {
	// Name is required, and unique in the store. It must match [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}.
	Name string `json:"name"`
	// IPv4 is the subnet, from /8 to /29. Default: a /24 that no route of the host has.
	IPv4 netip.Prefix `json:"ipv4,omitzero"`
	// IPv6 is the subnet, at most /120. Default: none, or with EnableIPv6 a free /64 of fd00::/8.
	IPv6       netip.Prefix `json:"ipv6,omitzero"`
	EnableIPv6 bool         `json:"enableIPv6,omitempty"`
	// Gateway4 and Gateway6 are the addresses of the gateway. Default: the first ones of the subnets.
	Gateway4 netip.Addr `json:"gateway4,omitzero"`
	Gateway6 netip.Addr `json:"gateway6,omitzero"`
	// IPv4Range and IPv6Range are the parts of the subnets that containers get addresses from if they ask for none.
	// Default: the whole subnets.
	IPv4Range netip.Prefix `json:"ipv4Range,omitzero"`
	IPv6Range netip.Prefix `json:"ipv6Range,omitzero"`
	// Internal networks have no access to the outside or to the host.
	Internal bool `json:"internal,omitempty"`
	// MTU is the size of the largest packet, in bytes, from 1280 to 65520. Default: 1500.
	MTU int `json:"mtu,omitempty"`
	// Labels are kept with the network. Default: none.
	Labels map[string]string `json:"labels,omitempty"`
}

// NetworkInfo describes a network.
type NetworkInfo struct {
	NetworkOptions
	// ID is 64 hexadecimal digits. A network that is made again under the same name has another; that of NetworkDefault is
	// the same everywhere.
	ID         string            `json:"id"`
	Created    time.Time         `json:"created"`
	Containers map[string]string `json:"containers,omitempty"` // names by id, of those that run on it
	// Damaged says why the network's description can't be read: nothing but its name is known then. Remove it.
	Damaged string `json:"damaged,omitempty"`
}

// CreateNetwork creates a network, which stays until it is removed. Containers join it by Options.Network,
// Options.Networking.Endpoints or Container.Connect.
//
// Errors: ErrNameInUse when a network has the name; ErrInvalidArgument when an option is not valid, or the host or
// another network uses the subnet; ErrUnsupported when the host can't make networks.
func (e *Engine) CreateNetwork(ctx context.Context, opts NetworkOptions) (*NetworkInfo, error) {
	var info NetworkInfo
	if err := e.c.Do(ctx, api.NetworkCreate, opts, &info); err != nil {
		return nil, err
	}
	return &info, nil
}

// Networks describes all networks of the store, sorted by name.
//
// Errors: those that every function has.
func (e *Engine) Networks(ctx context.Context) ([]NetworkInfo, error) {
	var infos []NetworkInfo
	err := e.c.Do(ctx, api.NetworkList, nil, &infos)
	return infos, err
}

// Network describes a network, by its name, its id or a prefix of its id.
//
// Errors: ErrNotFound when there is none; ErrAmbiguous when several ids have the prefix.
func (e *Engine) Network(ctx context.Context, nameOrID string) (*NetworkInfo, error) {
	var info NetworkInfo
	if err := e.c.Do(ctx, api.NetworkGet, api.Name{Name: nameOrID}, &info); err != nil {
		return nil, err
	}
	return &info, nil
}

// RemoveNetwork removes a network, by its name, its id or a prefix of its id.
//
// Errors: ErrNotFound when there is none; ErrAmbiguous when several ids have the prefix; ErrInUse when a container is on it, or joins it when it
// starts; ErrInvalidArgument for NetworkDefault.
func (e *Engine) RemoveNetwork(ctx context.Context, nameOrID string) error {
	return e.c.Do(ctx, api.NetworkRemove, api.Name{Name: nameOrID}, nil)
}

// PruneNetworks removes the networks that no container is on or joins when it starts. It returns their names.
//
// Errors: those that every function has. The names are those of what was removed before the error.
func (e *Engine) PruneNetworks(ctx context.Context) ([]string, error) {
	var names []string
	err := e.c.Do(ctx, api.NetworkPrune, nil, &names)
	return names, err
}

// Connect joins the container to a network: at once if it runs, otherwise when it starts.
//
// Errors: ErrNotFound when the container or the network is not there; ErrInUse when the container is on the network
// already; ErrInvalidArgument when a field of the endpoint is not valid, or the container has the network of the host or
// of another container.
func (c *Container) Connect(ctx context.Context, endpoint Endpoint) error {
	return c.c.Do(ctx, api.ContainerConnect.Of(c.id), endpoint, nil)
}

// Disconnect takes the container off a network. Its connections there end.
//
// Errors: ErrNotFound when the container is not there or not on the network.
func (c *Container) Disconnect(ctx context.Context, network string) error {
	return c.c.Do(ctx, api.ContainerDisconnect.Of(c.id), api.Name{Name: network}, nil)
}
