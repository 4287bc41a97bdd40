//go:build linux

package network

import (
	"errors"
)

// Try makes what a network consists of and removes it: a namespace with a bridge, a port on it, and a packet socket at the
// port's other end.
func Try() error {
	s, err := newSegment(1500)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.addTap(gatewayPort, gatewayTap); err != nil {
		return err
	}
	f, err := s.packetSocket(gatewayTap, nil)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), s.delLink(gatewayPort))
}
