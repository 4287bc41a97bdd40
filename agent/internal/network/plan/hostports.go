package plan

import "slices"

// HostPorts are the ports of the host's loopback that an endpoint reaches at HostAddr. The zero value is none.
type HostPorts struct {
	All   bool     `json:",omitempty"`
	Ports []uint16 `json:",omitempty"`
}

// Open reports whether a port is one of them.
func (h HostPorts) Open(port uint16) bool { return h.All || slices.Contains(h.Ports, port) }
