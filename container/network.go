package container

import (
	"context"
	"net/netip"
	"time"

	"github.com/caisson-dev/caisson/internal/api"
)

// NetworkDefault is the network that a container joins when its options name none. It is there without being created:
// an IPv4 subnet that the host does not use, access to the outside and to the host, and the names of all its
// containers in DNS.
const NetworkDefault NetworkMode = "bridge"

// Port publishes a port of the container on the host. The container's process need not listen yet.
type Port struct {
	// Container is the port in the container.
	Container uint16 `json:"container"`
	// Host is the port on the host. Default: a free one, which Info.Ports tells.
	Host uint16 `json:"host,omitempty"`
	// HostIP is the host's address. Default: 127.0.0.1, unlike Docker's 0.0.0.0: what a test or a tool publishes is for
	// this machine. 0.0.0.0 and :: are all addresses.
	HostIP netip.Addr `json:"hostIP,omitzero"`
	// Protocol is tcp or udp. Default: tcp.
	Protocol string `json:"protocol,omitempty"`
	// Count publishes so many ports in a row, from Container and Host on. Default: 1.
	Count uint16 `json:"count,omitempty"`
}

// Endpoint says how a container joins a network.
type Endpoint struct {
	// Network by its name.
	Network string `json:"network"`
	// Aliases are further names of the container on this network.
	Aliases []string `json:"aliases,omitempty"`
	// IPv4 and IPv6 are addresses of the network's subnets. Default: free ones.
	IPv4 netip.Addr `json:"ipv4,omitzero"`
	IPv6 netip.Addr `json:"ipv6,omitzero"`
	// MAC as 02:42:ac:11:00:02. Default: one that follows from the address.
	MAC string `json:"mac,omitempty"`
}

// EndpointInfo is a running container's place on a network.
type EndpointInfo struct {
	Network   string       `json:"network"`
	Aliases   []string     `json:"aliases,omitempty"`
	Interface string       `json:"interface"` // in the container, as eth0
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
	// Name is unique in the store.
	Name string `json:"name"`
	// IPv4 is the subnet. Default: a free /24, which no route of the host has.
	IPv4 netip.Prefix `json:"ipv4,omitzero"`
	// IPv6 is the subnet. Default: none, or with EnableIPv6 a free /64 of fd00::/8.
	IPv6       netip.Prefix `json:"ipv6,omitzero"`
	EnableIPv6 bool         `json:"enableIPv6,omitempty"`
	// Gateway4 and Gateway6 are the gateway's addresses. Default: the subnets' first.
	Gateway4 netip.Addr `json:"gateway4,omitzero"`
	Gateway6 netip.Addr `json:"gateway6,omitzero"`
	// Internal networks have no access to the outside and to the host.
	Internal bool `json:"internal,omitempty"`
	// MTU in bytes. Default: 1500.
	MTU int `json:"mtu,omitempty"`
	// Labels are kept with the network.
	Labels map[string]string `json:"labels,omitempty"`
}

// NetworkInfo describes a network.
type NetworkInfo struct {
	NetworkOptions
	Created    time.Time         `json:"created"`
	Containers map[string]string `json:"containers,omitempty"` // that run on it: names by id
}

// CreateNetwork creates a network, which stays until it is removed. Containers join it by Options.Networking.Endpoints or Connect.
//
// Errors: ErrNameInUse; ErrInvalidArgument, also for a subnet that the host or another network uses; ErrUnsupported.
func (e *Engine) CreateNetwork(ctx context.Context, opts NetworkOptions) (*NetworkInfo, error) {
	var info NetworkInfo
	if err := e.c.Do(ctx, api.NetworkCreate, opts, &info); err != nil {
		return nil, err
	}
	return &info, nil
}

// Networks describes all networks, by name.
func (e *Engine) Networks(ctx context.Context) ([]NetworkInfo, error) {
	var infos []NetworkInfo
	err := e.c.Do(ctx, api.NetworkList, nil, &infos)
	return infos, err
}

// Network describes a network.
//
// Errors: ErrNotFound.
func (e *Engine) Network(ctx context.Context, name string) (*NetworkInfo, error) {
	var info NetworkInfo
	if err := e.c.Do(ctx, api.NetworkGet, api.Name{Name: name}, &info); err != nil {
		return nil, err
	}
	return &info, nil
}

// RemoveNetwork removes a network.
//
// Errors: ErrNotFound; ErrInUse when a running container is on it, or a container that does not run would join it;
// ErrInvalidArgument for NetworkDefault.
func (e *Engine) RemoveNetwork(ctx context.Context, name string) error {
	return e.c.Do(ctx, api.NetworkRemove, api.Name{Name: name}, nil)
}

// PruneNetworks removes the networks that no container uses, and returns their names.
func (e *Engine) PruneNetworks(ctx context.Context) ([]string, error) {
	var names []string
	err := e.c.Do(ctx, api.NetworkPrune, nil, &names)
	return names, err
}

// Connect joins the container to a network, at once if it runs and otherwise when it starts.
//
// Errors: ErrNotFound (container or network), ErrInUse (it is on the network already), ErrInvalidArgument.
func (c *Container) Connect(ctx context.Context, ep Endpoint) error {
	return c.c.Do(ctx, api.ContainerConnect.Of(c.id), ep, nil)
}

// Disconnect takes the container from a network. Its connections there end.
//
// Errors: ErrNotFound (container, or it is not on the network).
func (c *Container) Disconnect(ctx context.Context, network string) error {
	return c.c.Do(ctx, api.ContainerDisconnect.Of(c.id), api.Name{Name: network}, nil)
}
