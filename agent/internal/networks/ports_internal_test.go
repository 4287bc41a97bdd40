//go:build linux

package networks

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network/publish"
	"github.com/caisson-dev/caisson/container"
)

func TestMappings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		port container.Port
		want publish.Mapping
	}{
		{container.Port{Container: 80}, publish.Mapping{ContainerPort: 80}},
		{container.Port{Container: 53, Host: 5353, Protocol: "udp"}, publish.Mapping{ContainerPort: 53, HostPort: 5353, Proto: "udp"}},
		{container.Port{Container: 80, HostIP: netip.IPv6Loopback()}, publish.Mapping{ContainerPort: 80, HostIP: netip.MustParseAddr("::1")}},
		{container.Port{Container: 80, Host: 8080, Count: 1}, publish.Mapping{ContainerPort: 80, HostPort: 8080}},
		{container.Port{Container: 80, Host: 8080, Count: 3}, publish.Mapping{ContainerPort: 80, ContainerPortEnd: 82, HostPort: 8080, HostPortEnd: 8082}},
		{container.Port{Container: 80, Host: 8080, HostLast: 8089}, publish.Mapping{ContainerPort: 80, HostPort: 8080, HostPortEnd: 8089}},
		{container.Port{Container: 80, Count: 3}, publish.Mapping{ContainerPort: 80, ContainerPortEnd: 82}},
	} {
		assert.Equal(t, []publish.Mapping{c.want}, mappings([]container.Port{c.port}))
	}
	assert.Empty(t, mappings(nil))
}

func TestMemberEndpoint(t *testing.T) {
	t.Parallel()
	m := Member{ID: "id", Name: "web", Hostname: "host", Resolvers: []netip.Addr{netip.MustParseAddr("9.9.9.9")}}
	ipv4 := netip.MustParseAddr("10.7.0.9")
	got, err := m.endpoint(container.Endpoint{Network: "app", Aliases: []string{"a"}, MAC: "02:42:ac:11:00:02", IPv4: ipv4})
	require.NoError(t, err)
	assert.Equal(t, "id", got.Container)
	assert.Equal(t, "web", got.Name)
	assert.Equal(t, []string{"host", "a"}, got.Aliases)
	assert.Equal(t, "02:42:ac:11:00:02", got.MAC.String())
	assert.Equal(t, ipv4, got.IPv4)
	assert.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("9.9.9.9:53")}, got.Resolvers)
	_, err = m.endpoint(container.Endpoint{Network: "app", MAC: "x"})
	require.ErrorContains(t, err, "network app: MAC")
}
