//go:build linux

package netns

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// LoopbackUp sets the loopback up of the namespace that nl was opened in.
func LoopbackUp(nl *netlink.Handle) error {
	lo, err := nl.LinkByName("lo")
	if err == nil {
		err = nl.LinkSetUp(lo)
	}
	if err != nil {
		return fmt.Errorf("set loopback up: %w", err)
	}
	return nil
}

// LoopbackUp is all the network that a container without one has.
func (n *NS) LoopbackUp() error {
	nl, err := n.Netlink()
	if err != nil {
		return err
	}
	defer nl.Close()
	return LoopbackUp(nl)
}
