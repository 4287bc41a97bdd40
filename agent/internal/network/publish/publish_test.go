//go:build linux

package publish_test

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/caisson-dev/caisson/agent/internal/network/publish"
)

func bind(t *testing.T, mappings ...publish.Mapping) *publish.Publication {
	t.Helper()
	p, err := publish.Bind(t.Context(), mappings, publish.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return p
}

func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	taken := uint16(l.Addr().(*net.TCPAddr).Port)
	free := bind(t, publish.Mapping{ContainerPort: 1})
	freePort := free.Bindings()[0].Host.Port()
	free.Close()

	_, err = publish.Bind(t.Context(), []publish.Mapping{
		{ContainerPort: 1, HostPort: freePort}, {ContainerPort: 2, HostPort: taken},
	}, publish.Options{})
	var inUse *publish.PortInUseError
	require.ErrorAs(t, err, &inUse)
	require.ErrorIs(t, err, publish.ErrPortInUse)
	assert.Equal(t, l.Addr().String(), inUse.Addr)
	assert.Contains(t, err.Error(), l.Addr().String()+"/tcp")
	bind(t, publish.Mapping{ContainerPort: 1, HostPort: freePort}) // not kept by the failure

	_, err = publish.Bind(t.Context(), []publish.Mapping{{ContainerPort: 1, HostPort: taken, Proto: "udp"}}, publish.Options{})
	require.NoError(t, err, "UDP is another port")
}

func TestRanges(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:41000")
	require.NoError(t, err)
	defer l.Close()
	p := bind(t, publish.Mapping{ContainerPort: 80, HostPort: 41000, HostPortEnd: 41009},
		publish.Mapping{ContainerPort: 90, ContainerPortEnd: 92, HostPort: 41090, HostPortEnd: 41092},
		publish.Mapping{ContainerPort: 100, ContainerPortEnd: 101})
	b := p.Bindings()
	require.Len(t, b, 6)
	assert.Equal(t, "127.0.0.1:41001->80/tcp", b[0].String(), "the first free one")
	assert.Equal(t, "127.0.0.1:41092->92/tcp", b[3].String())
	assert.Equal(t, uint16(101), b[5].Container)
	for _, bad := range []publish.Mapping{{}, {ContainerPort: 1, Proto: "sctp"}, {ContainerPort: 2, ContainerPortEnd: 1},
		{ContainerPort: 1, ContainerPortEnd: 3, HostPort: 5, HostPortEnd: 6}} {
		_, err := publish.Bind(t.Context(), []publish.Mapping{bad}, publish.Options{})
		require.ErrorIs(t, err, publish.ErrInvalid, "%+v", bad)
	}
}
