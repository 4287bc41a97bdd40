//go:build !linux

package dockertest

import "net/netip"

func (f *Fixture) listening() ([]netip.AddrPort, bool) { return nil, false }
