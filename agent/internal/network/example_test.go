//go:build linux

package network_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/caisson-dev/caisson/agent/internal/network"
	"github.com/caisson-dev/caisson/agent/internal/network/netns"
	"github.com/caisson-dev/caisson/agent/internal/network/plan"
	"github.com/caisson-dev/caisson/agent/internal/network/publish"
)

// A container's network from beginning to end.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "networks")
	defer os.RemoveAll(dir)
	networks, err := network.Open(network.Options{Dir: dir})
	if err != nil {
		panic(err)
	}
	defer networks.Close()
	if _, err := networks.Create(ctx, plan.Spec{Name: "app"}); err != nil {
		panic(err)
	}
	app, err := networks.Join(ctx, "app")
	if err != nil {
		panic(err)
	}

	// Create: ports are reserved, the namespace is made. Its Path goes to the container's runtime.
	ports, err := publish.Bind(ctx, []publish.Mapping{{ContainerPort: 80}}, publish.Options{})
	if err != nil {
		panic(err)
	}
	ns, err := netns.New()
	if err != nil {
		panic(err)
	}
	web, err := app.Attach(ctx, network.EndpointOptions{Netns: ns, Container: "0123456789ab", Name: "web"})
	if err != nil {
		panic(err)
	}

	// Start: the container runs; here, its server is a listener of ours.
	if err := ports.Activate(ns, web.Info().IPv4.Addr(), web.Info().IPv6.Addr()); err != nil {
		panic(err)
	}
	server, err := netns.Listen(ctx, ns, "tcp", ":80")
	if err != nil {
		panic(err)
	}
	go acceptAll(server, func(c *net.TCPConn) {
		io.WriteString(c, "hello from the container")
		c.Close()
	})
	conn, err := net.Dial("tcp", ports.Bindings()[0].Host.String())
	if err != nil {
		panic(err)
	}
	answer, _ := io.ReadAll(conn)
	fmt.Println(string(answer))

	// Stop and remove.
	conn.Close()
	server.Close()
	ports.Close()
	web.Release(ctx)
	ns.Close()
	app.Leave()
	fmt.Println(networks.Remove(ctx, "app"))
	// Output:
	// hello from the container
	// <nil>
}
