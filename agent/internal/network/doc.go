// Package network gives containers private networks without touching the host's: no bridge, route,
// address or firewall rule appears in the host's network namespace, no device node is opened and no
// other program is run. What it asks for is CAP_NET_ADMIN, CAP_NET_RAW and CAP_SYS_ADMIN inside the
// caller's own user namespace, so it is the same for root and for an ordinary user.
//
// A network is a network namespace with a bridge. Containers join by veth. Everything that leaves the
// network ends at its gateway, a user-space TCP/IP stack that listens on the bridge through a packet
// socket and forwards with ordinary sockets of the calling process, hence with the host's own addresses.
// The gateway also answers DNS. A published port is a listener of the calling process that dials inside
// the container's namespace.
//
//	m, err := network.Open(network.Options{Dir: "/run/caisson/networks"})
//	_, err = m.Create(ctx, plan.Spec{Name: "app"})
//	n, err := m.Join(ctx, "app")
//	ports, err := publish.Bind(ctx, []publish.Mapping{{ContainerPort: 80}}, publish.Options{})
//	ns, err := netns.New()                      // give ns.Path() to the container's runtime
//	ep, err := n.Attach(ctx, network.EndpointOptions{Netns: ns, Container: id, Name: "web"})
//	err = ports.Activate(ns, ep.Info().IPv4.Addr(), ep.Info().IPv6.Addr())
//	// … the container runs …
//	err = errors.Join(ports.Close(), ep.Release(ctx), ns.Close())
//
// Several processes share a network through the state directory: each holds the namespace, one of them,
// elected by a file lock, runs the gateway, and another takes over when it ends.
//
// Its rooms: plan decides what a network is, gateway is its way out and dns its names, publish makes ports of containers
// reachable; below them are netns, packet and relay. This package itself has the state directory, the segments, the
// election and the endpoints; it may touch its directory, the namespaces of its networks and those it is given. Of the
// rooms outside it imports etcfiles, which reads the host's resolvers.
//
// Do not use it where the host itself has to route to containers' addresses: they exist only inside the
// network's namespace. Use package netns or a published port.
package network
