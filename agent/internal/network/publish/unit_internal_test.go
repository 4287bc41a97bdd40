//go:build linux

package publish

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		m     Mapping
		want  [][]string // candidates of each port
		wrong string
	}{
		{Mapping{ContainerPort: 80}, [][]string{{"127.0.0.1:0"}}, ""},
		{Mapping{ContainerPort: 80, HostIP: netip.IPv6Unspecified(), HostPort: 8080, Proto: "udp"}, [][]string{{"[::]:8080"}}, ""},
		{Mapping{ContainerPort: 80, HostPort: 1, HostPortEnd: 3}, [][]string{{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}}, ""},
		{Mapping{ContainerPort: 80, ContainerPortEnd: 81, HostPort: 1, HostPortEnd: 2}, [][]string{{"127.0.0.1:1"}, {"127.0.0.1:2"}}, ""},
		{Mapping{ContainerPort: 80, ContainerPortEnd: 81}, [][]string{{"127.0.0.1:0"}, {"127.0.0.1:0"}}, ""},
		{Mapping{ContainerPort: 65535, HostPort: 65535}, [][]string{{"127.0.0.1:65535"}}, ""},
		{Mapping{}, nil, "no container port"},
		{Mapping{ContainerPort: 1, Proto: "sctp"}, nil, "sctp"},
		{Mapping{ContainerPort: 2, ContainerPortEnd: 1}, nil, "ends before it begins"},
		{Mapping{ContainerPort: 1, HostPortEnd: 5}, nil, "begins at 1"},
		{Mapping{ContainerPort: 1, ContainerPortEnd: 3, HostPort: 5, HostPortEnd: 6}, nil, "2 host ports for 3"},
	} {
		reqs, err := c.m.expand()
		if c.wrong != "" {
			require.ErrorIs(t, err, ErrInvalid)
			require.ErrorContains(t, err, c.wrong)
			continue
		}
		require.NoError(t, err)
		require.Len(t, reqs, len(c.want))
		for i, r := range reqs {
			var got []string
			for _, a := range r.candidates {
				got = append(got, a.String())
			}
			assert.Equal(t, c.want[i], got)
			assert.Equal(t, c.m.ContainerPort+uint16(i), r.container)
		}
	}
}

func TestFamily(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{"0.0.0.0": "4", "::": "6", "127.0.0.1": "4", "::1": "6"} {
		assert.Equal(t, want, family(netip.MustParseAddr(addr)))
	}
}

// TestAnswerSource: the answer comes from the address that was asked.
func TestAnswerSource(t *testing.T) {
	t.Parallel()
	asked4 := unix.PktInfo4(&unix.Inet4Pktinfo{Ifindex: 3, Spec_dst: [4]byte{10, 0, 0, 7}, Addr: [4]byte{10, 0, 0, 255}})
	assert.Equal(t, unix.PktInfo4(&unix.Inet4Pktinfo{Spec_dst: [4]byte{10, 0, 0, 7}}), answerSource(asked4))
	asked6 := unix.PktInfo6(&unix.Inet6Pktinfo{Ifindex: 3, Addr: [16]byte{0: 0xfd, 15: 7}})
	assert.Equal(t, unix.PktInfo6(&unix.Inet6Pktinfo{Addr: [16]byte{0: 0xfd, 15: 7}}), answerSource(asked6))
	for _, nothing := range [][]byte{nil, {1, 2, 3}, unix.UnixRights(0)} {
		assert.Nil(t, answerSource(nothing))
	}
}
