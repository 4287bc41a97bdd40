package spec_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/container"
)

// TestNetworkSysctls: a network of the container's own lets any user listen on any port, and ping.
func TestNetworkSysctls(t *testing.T) {
	const port, ping = "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range"
	for name, c := range map[string]struct {
		host string
		o    container.Options
		want map[string]string
	}{
		"default":    {"rootful-v2", container.Options{}, map[string]string{port: "0", ping: "0 2147483647"}},
		"none":       {"rootful-v2", container.Options{Network: container.NetworkNone}, map[string]string{port: "0", ping: "0 2147483647"}},
		"rootless":   {"subordinate-ids", container.Options{}, map[string]string{port: "0"}},
		"the host's": {"rootful-v2", container.Options{Network: container.NetworkHost}, nil},
		"another's":  {"rootful-v2", container.Options{Network: "container:x"}, nil},
		"the user's": {"rootful-v2", container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{port: "80"}}}, map[string]string{port: "80", ping: "0 2147483647"}},
		"with slashes": {"rootful-v2", container.Options{Namespaces: container.Namespaces{Sysctls: map[string]string{"net.ipv4/ip_unprivileged_port_start": "80"}}},
			map[string]string{"net.ipv4/ip_unprivileged_port_start": "80", ping: "0 2147483647"}},
	} {
		got := makeSpec(t, hosts[c.host], c.o, nil).Linux.Sysctl
		if len(c.want) == 0 {
			assert.Empty(t, got, name)
			continue
		}
		assert.Equal(t, c.want, got, name)
	}
}
