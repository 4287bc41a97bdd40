//go:build linux

package networks

import (
	"github.com/caisson-dev/caisson/agent/internal/network/publish"
	"github.com/caisson-dev/caisson/container"
)

// mappings are ports, validated at Create, in package network's words.
func mappings(ports []container.Port) []publish.Mapping {
	var out []publish.Mapping
	for _, p := range ports {
		m := publish.Mapping{HostPort: p.Host, ContainerPort: p.Container, Proto: p.Protocol, HostIP: p.HostIP}
		if p.HostLast != 0 {
			m.HostPortEnd = p.HostLast
		}
		if p.Count > 1 {
			m.ContainerPortEnd = p.Container + p.Count - 1
			if p.Host != 0 {
				m.HostPortEnd = p.Host + p.Count - 1
			}
		}
		out = append(out, m)
	}
	return out
}
