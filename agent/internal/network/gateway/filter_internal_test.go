//go:build linux

package gateway

import (
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/bpf"

	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

var (
	testSpec = plan.Spec{
		Name: "app", IPv4: netip.MustParsePrefix("10.0.1.0/24"), Gateway4: netip.MustParseAddr("10.0.1.1"),
		IPv6: netip.MustParsePrefix("fd01::/64"), Gateway6: netip.MustParseAddr("fd01::1"), MTU: 1500,
	}
	broadcastMAC = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	otherMAC     = net.HardwareAddr{2, 0x42, 10, 0, 1, 9}
)

// frame is one of Ethernet.
func frame(to net.HardwareAddr, kind uint16, body []byte) []byte {
	f := append(append([]byte{}, to...), otherMAC...)
	return append(append(f, byte(kind>>8), byte(kind)), body...)
}

// arpFor asks who has an address.
func arpFor(addr string) []byte {
	a := netip.MustParseAddr(addr).As4()
	body := append([]byte{0, 1, 8, 0, 6, 4, 0, 1}, otherMAC...)
	body = append(body, 10, 0, 1, 9, 0, 0, 0, 0, 0, 0)
	return append(body, a[:]...)
}

// solicitationFor asks the same over IPv6.
func solicitationFor(addr string, kind byte) []byte {
	a := netip.MustParseAddr(addr).As16()
	body := make([]byte, 40, 64)
	body[0], body[6] = 0x60, 58
	body = append(body, kind, 0, 0, 0, 0, 0, 0, 0)
	return append(body, a[:]...)
}

// TestFilter: the gateway sees what is addressed to it, and questions for its own addresses alone: it would answer for all.
func TestFilter(t *testing.T) {
	t.Parallel()
	vm, err := bpf.NewVM(Filter(testSpec))
	require.NoError(t, err)
	v4, err := bpf.NewVM(Filter(plan.Spec{Gateway4: testSpec.Gateway4}))
	require.NoError(t, err)
	gateway := plan.MAC(testSpec.Gateway4)
	near := append(net.HardwareAddr{}, gateway...)
	near[5]++
	far := append(net.HardwareAddr{}, gateway...)
	far[0] ^= 4
	for _, c := range []struct {
		name      string
		frame     []byte
		dual, old bool // whether a gateway with both families takes it, and one of IPv4 alone
	}{
		{"to the gateway", frame(gateway, 0x0800, make([]byte, 20)), true, true},
		{"to the gateway, of any kind", frame(gateway, 0x1234, nil), true, true},
		{"to another", frame(otherMAC, 0x0800, make([]byte, 20)), false, false},
		{"to one whose address ends otherwise", frame(near, 0x0800, make([]byte, 20)), false, false},
		{"to one whose address begins otherwise", frame(far, 0x0800, make([]byte, 20)), false, false},
		{"to all", frame(broadcastMAC, 0x0800, make([]byte, 20)), false, false},
		{"who has the gateway's address", frame(broadcastMAC, 0x0806, arpFor("10.0.1.1")), true, true},
		{"who has another's", frame(broadcastMAC, 0x0806, arpFor("10.0.1.2")), false, false},
		{"a question that is cut off", frame(broadcastMAC, 0x0806, arpFor("10.0.1.1")[:20]), false, false},
		{"IPv6: who has the gateway's", frame(net.HardwareAddr{0x33, 0x33, 0xff, 0, 0, 1}, 0x86dd, solicitationFor("fd01::1", 135)), true, false},
		{"IPv6: who has another's", frame(net.HardwareAddr{0x33, 0x33, 0xff, 0, 0, 1}, 0x86dd, solicitationFor("fd01::2", 135)), false, false},
		{"IPv6: another message about the gateway", frame(broadcastMAC, 0x86dd, solicitationFor("fd01::1", 136)), false, false},
		{"empty", nil, false, false},
	} {
		for i, v := range []*bpf.VM{vm, v4} {
			n, err := v.Run(c.frame)
			require.NoError(t, err, c.name)
			assert.Equal(t, []bool{c.dual, c.old}[i], n > 0, "%s, %d", c.name, i)
		}
	}
}
