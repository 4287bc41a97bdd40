package listening

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestListeners(t *testing.T) {
	t.Parallel()
	const table = `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1B58 00000000:0000 0A 00000000:00000000
   1: 00000000:0050 00000000:0000 0A 00000000:00000000
   2: 0100007F:1B59 0100007F:1234 01 00000000:00000000
`
	const table6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:1B58 00000000000000000000000000000000:0000 0A
   1: 00000000000000000000000001000000:1B5A 00000000000000000000000000000000:0000 0A
`
	assert.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:7000"), netip.MustParseAddrPort("0.0.0.0:80")}, listeners(strings.NewReader(table)))
	assert.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("[::]:7000"), netip.MustParseAddrPort("[::1]:7002")}, listeners(strings.NewReader(table6)))
}
