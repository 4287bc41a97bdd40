//go:build linux

package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
)

// EndpointOptions say who joins a network and as what.
type EndpointOptions struct {
	Netns     *netns.NS // the container's network namespace
	Container string    // the container's id; ties its endpoints on several networks together
	Name      string    // DNS name
	Aliases   []string

	IPv4      netip.Addr       // zero: a free one
	IPv6      netip.Addr       // zero: a free one, where the network has IPv6
	MAC       net.HardwareAddr // nil: derived from the IPv4 address
	Interface string           // "": the first free of eth0, eth1 …

	HostPorts plan.HostPorts // of the host's loopback that the container reaches

	// Resolvers replace the host's for names that are not of the networks. Empty: the host's.
	Resolvers []netip.AddrPort
}

// Endpoint is a container's place on a network, made by this process.
type Endpoint struct {
	n   *Network
	rec plan.EndpointRecord
	ns  *netns.NS
}

// Info describes the endpoint.
func (e *Endpoint) Info() plan.EndpointInfo { return e.rec.EndpointInfo }

// Network is the network the endpoint is on.
func (e *Endpoint) Network() *Network { return e.n }

// Attach gives the namespace an interface on the network, addresses, a default route unless the network is
// internal, and a loopback that is up. It works on running containers. o.Netns must stay open until Detach or
// Release. Errors: plan.ErrAddressInUse, plan.ErrNoFreeAddress, plan.ErrInvalid, ErrNotFound when the network was removed.
func (n *Network) Attach(ctx context.Context, o EndpointOptions) (*Endpoint, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := n.check(o); err != nil {
		return nil, err
	}
	nl, err := o.Netns.Netlink()
	if err != nil {
		return nil, n.wrap(o.Name, "attach", err)
	}
	defer nl.Close()
	rec, err := n.reserve(nl, o)
	if err != nil {
		return nil, n.wrap(o.Name, "attach", err)
	}
	e := &Endpoint{n: n, rec: rec, ns: o.Netns}
	if err := e.plug(nl); err != nil {
		e.n.seg.delLink(rec.Link)
		return nil, n.wrap(o.Name, "attach", errors.Join(err, e.unreserve()))
	}
	return e, nil
}

func (n *Network) wrap(name, op string, err error) error {
	return fmt.Errorf("%s %s, network %s: %w", op, name, n.spec.Name, err)
}

func (n *Network) check(o EndpointOptions) error {
	switch {
	case o.Netns == nil:
		return n.wrap(o.Name, "attach", fmt.Errorf("%w: no network namespace", plan.ErrInvalid))
	case o.IPv4.IsValid() && !plan.Usable(n.spec.IPv4, o.IPv4):
		return n.wrap(o.Name, "attach", fmt.Errorf("%s: %w: not a host address of %s", o.IPv4, plan.ErrInvalid, n.spec.IPv4))
	case o.IPv6.IsValid() && !(n.spec.IPv6.IsValid() && plan.Usable(n.spec.IPv6, o.IPv6)):
		return n.wrap(o.Name, "attach", fmt.Errorf("%s: %w: not a host address of %s", o.IPv6, plan.ErrInvalid, n.spec.IPv6))
	case len(o.Interface) >= unix.IFNAMSIZ:
		return n.wrap(o.Name, "attach", fmt.Errorf("interface %q: %w: at most 15 characters", o.Interface, plan.ErrInvalid))
	case o.MAC != nil && (len(o.MAC) != 6 || o.MAC[0]&1 != 0):
		return n.wrap(o.Name, "attach", fmt.Errorf("MAC %s: %w: want 6 bytes, not multicast", o.MAC, plan.ErrInvalid))
	}
	return nil
}

// reserve chooses addresses and writes the endpoint into the network's record.
func (n *Network) reserve(nl *netlink.Handle, o EndpointOptions) (rec plan.EndpointRecord, err error) {
	ifname := o.Interface
	if ifname == "" {
		if ifname, err = freeInterface(nl); err != nil {
			return rec, err
		}
	}
	id := randomID()
	rec = plan.EndpointRecord{
		EndpointInfo: plan.EndpointInfo{
			ID: id, Network: n.spec.Name, Container: o.Container, Name: o.Name, Aliases: o.Aliases,
			Interface: ifname, DNS: n.spec.Gateway4, Resolvers: o.Resolvers, HostPorts: o.HostPorts,
		},
		Holder: n.holder.id,
		Link:   "v" + id[:12],
	}
	if !n.spec.Internal {
		rec.Gateway4, rec.Gateway6 = n.spec.Gateway4, n.spec.Gateway6
	}
	if n.spec.HostReachable() {
		rec.Host = plan.HostAddr
	}
	err = n.state.update(func(r *plan.Record) error {
		if err := r.Allocate(&rec, o.IPv4, o.IPv6); err != nil {
			// Those of dead processes may be in the way.
			if dropDead(n.dir, r) == 0 {
				return err
			}
			if err := r.Allocate(&rec, o.IPv4, o.IPv6); err != nil {
				return err
			}
		}
		mac := o.MAC
		if mac == nil {
			mac = plan.MAC(rec.IPv4.Addr())
		}
		rec.MAC = mac.String()
		r.Endpoints = append(r.Endpoints, rec)
		return nil
	})
	return rec, err
}

func freeInterface(nl *netlink.Handle) (string, error) {
	links, err := nl.LinkList()
	if err != nil {
		return "", fmt.Errorf("list interfaces: %w", err)
	}
	for i := 0; ; i++ {
		name := fmt.Sprintf("eth%d", i)
		if !slices.ContainsFunc(links, func(l netlink.Link) bool { return l.Attrs().Name == name }) {
			return name, nil
		}
	}
}

// plug makes the veth and configures the container's side through nl.
func (e *Endpoint) plug(nl *netlink.Handle) error {
	mac, err := net.ParseMAC(e.rec.MAC)
	if err != nil {
		return err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.MTU, attrs.MasterIndex, attrs.Flags = e.rec.Link, e.n.seg.mtu, e.n.seg.bridge, net.FlagUp
	veth := &netlink.Veth{
		LinkAttrs: attrs, PeerName: e.rec.Interface, PeerMTU: uint32(e.n.seg.mtu),
		PeerHardwareAddr: mac, PeerNamespace: netlink.NsFd(e.ns.File().Fd()),
	}
	if err := e.n.seg.nl.LinkAdd(veth); err != nil {
		if errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("add interface %s: %w: the container has one of that name", e.rec.Interface, plan.ErrInvalid)
		}
		return fmt.Errorf("add interface: %w", err)
	}
	if err := quiet(e.ns, e.rec.Interface, e.rec.IPv6.IsValid()); err != nil {
		return err
	}
	if err := e.configure(nl); err != nil {
		return err
	}
	return errors.Join(awaitCarrier(e.n.seg.nl, e.rec.Link), awaitCarrier(nl, e.rec.Interface))
}

// quiet keeps an interface without IPv6 from giving itself a link-local address. Best effort: /proc/sys may be
// read-only, and then the address does no harm.
func quiet(n *netns.NS, ifname string, ipv6 bool) error {
	if ipv6 || !haveIPv6() {
		return nil
	}
	return n.Do(func() error {
		os.WriteFile("/proc/sys/net/ipv6/conf/"+ifname+"/disable_ipv6", []byte("1"), 0)
		return nil
	})
}

func (e *Endpoint) configure(nl *netlink.Handle) error {
	if err := netns.LoopbackUp(nl); err != nil {
		return err
	}
	link, err := nl.LinkByName(e.rec.Interface)
	if err != nil {
		return fmt.Errorf("find interface %s: %w", e.rec.Interface, err)
	}
	for _, p := range []netip.Prefix{e.rec.IPv4, e.rec.IPv6} {
		if !p.IsValid() {
			continue
		}
		addr := &netlink.Addr{IPNet: toIPNet(p)}
		if p.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD // else unusable for a second
		}
		if err := nl.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("add address %s: %w", p, err)
		}
	}
	if err := nl.LinkSetUp(link); err != nil {
		return fmt.Errorf("set %s up: %w", e.rec.Interface, err)
	}
	for _, gw := range []netip.Addr{e.rec.Gateway4, e.rec.Gateway6} {
		if gw.IsValid() {
			if err := addDefaultRoute(nl, link, gw); err != nil {
				return err
			}
		}
	}
	return nil
}

// addDefaultRoute adds one with a metric behind those of networks attached before: the first network's is used,
// and when it goes the kernel falls back to the next by itself.
func addDefaultRoute(nl *netlink.Handle, link netlink.Link, gw netip.Addr) error {
	family := netlink.FAMILY_V4
	if gw.Is6() {
		family = netlink.FAMILY_V6
	}
	routes, err := nl.RouteListFiltered(family, &netlink.Route{Dst: nil}, netlink.RT_FILTER_DST)
	if err != nil {
		return fmt.Errorf("list routes: %w", err)
	}
	metric := 100
	for _, r := range routes {
		metric = max(metric, r.Priority+1)
	}
	r := &netlink.Route{LinkIndex: link.Attrs().Index, Gw: gw.AsSlice(), Priority: metric}
	if err := nl.RouteAdd(r); err != nil {
		return fmt.Errorf("add default route by %s: %w", gw, err)
	}
	return nil
}
