//go:build !linux

package listening

import "net/netip"

// Of knows nothing here.
func Of(int) ([]netip.AddrPort, bool) { return nil, false }
