package listening_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/caisson-dev/caisson/internal/listening"
)

func TestUnheard(t *testing.T) {
	t.Parallel()
	ip := netip.MustParseAddr("172.17.0.2")
	for _, tc := range []struct{ listening, want string }{
		{"", ""},
		{"0.0.0.0:80 [::]:80 127.0.0.1:443", "the container listens on 80, 443"},
		{"127.0.0.1:7000", "it listens on the container's loopback alone (127.0.0.1:7000), where nothing else can reach it: make it listen on 0.0.0.0"},
		{"[::1]:7000 127.0.0.1:7000", "it listens on the container's loopback alone ([::1]:7000, 127.0.0.1:7000), where nothing else can reach it: make it listen on 0.0.0.0"},
		{"[::]:7000", "it listens on IPv6 alone ([::]:7000), and clients reach it by IPv4 (172.17.0.2): make it listen on 0.0.0.0 too"},
		{"[fd00::2]:7000 [::]:80", "it listens on IPv6 alone ([fd00::2]:7000), and clients reach it by IPv4 (172.17.0.2): make it listen on 0.0.0.0 too"},
		{"10.0.0.7:7000", "it listens on 10.0.0.7:7000: make it listen on 0.0.0.0"},
	} {
		var at []netip.AddrPort
		for _, s := range strings.Fields(tc.listening) {
			at = append(at, netip.MustParseAddrPort(s))
		}
		assert.Equal(t, tc.want, listening.Unheard(ip, 7000, at), tc.listening)
	}
}
