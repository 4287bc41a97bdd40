package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var networkCreateCommand = command{
	name: "network create", args: "NETWORK", short: "Create a network", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		var o container.NetworkOptions
		subnets := flags.StringArray("subnet", nil, "subnet, such as 10.5.0.0/24 (may be repeated, for IPv4 and IPv6)")
		flags.BoolVar(&o.Internal, "internal", false, "no access to the outside or to the host")
		flags.BoolVar(&o.EnableIPv6, "ipv6", false, "IPv6 too")
		labels := flags.StringToString("label", nil, "label NAME=VALUE (may be repeated)")
		return func(ctx context.Context, c *cli, args []string) error {
			o.Name, o.Labels = args[0], *labels
			for _, s := range *subnets {
				p, err := netip.ParsePrefix(s)
				if err != nil {
					return usage("network create", fmt.Errorf("--subnet %q: %w", s, err))
				}
				if p.Addr().Is4() {
					o.IPv4 = p
				} else {
					o.IPv6 = p
				}
			}
			engine, err := c.engine()
			if err != nil {
				return err
			}
			info, err := engine.CreateNetwork(ctx, o)
			if err == nil {
				fmt.Fprintln(c.out, info.Name)
			}
			return err
		}
	},
}

var networkLsCommand = command{
	name: "network ls", short: "List networks",
	setup: func(flags *pflag.FlagSet) action {
		quiet := flags.BoolP("quiet", "q", false, "print only the names")
		return func(ctx context.Context, c *cli, _ []string) error {
			engine, err := c.engine()
			if err != nil {
				return err
			}
			list, err := engine.Networks(ctx)
			if err != nil {
				return err
			}
			var cells [][]string
			for _, n := range list {
				if *quiet {
					fmt.Fprintln(c.out, n.Name)
					continue
				}
				var subnets []string
				for _, p := range []netip.Prefix{n.IPv4, n.IPv6} {
					if p.IsValid() {
						subnets = append(subnets, p.String())
					}
				}
				cells = append(cells, []string{n.Name, strings.Join(subnets, ","), fmt.Sprint(len(n.Containers))})
			}
			if *quiet {
				return nil
			}
			return table(c.out, "NAME\tSUBNETS\tCONTAINERS", cells)
		}
	},
}

var networkRmCommand = command{
	name: "network rm", args: "NETWORK [NETWORK...]", short: "Remove networks", min: 1, max: -1,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			return c.each(args, func(arg string) (string, error) {
				engine, err := c.engine()
				if err != nil {
					return "", err
				}
				return arg, engine.RemoveNetwork(ctx, arg)
			})
		}
	},
}

var networkPruneCommand = command{
	name: "network prune", short: "Remove networks that no container uses",
	setup: func(flags *pflag.FlagSet) action {
		flags.BoolP("force", "f", false, "accepted for compatibility with Docker: no question is asked")
		return func(ctx context.Context, c *cli, _ []string) error {
			engine, err := c.engine()
			if err != nil {
				return err
			}
			names, err := engine.PruneNetworks(ctx)
			for _, n := range names {
				fmt.Fprintln(c.out, n)
			}
			return err
		}
	},
}

var networkInspectCommand = command{
	name: "network inspect", args: "NETWORK [NETWORK...]", short: "Describe networks as JSON", min: 1, max: -1,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			engine, err := c.engine()
			if err != nil {
				return err
			}
			return c.each(args, func(arg string) (string, error) {
				info, err := engine.Network(ctx, arg)
				if err != nil {
					return "", err
				}
				return "", lines(c.out, []*container.NetworkInfo{info})
			})
		}
	},
}

var networkConnectCommand = command{
	name: "network connect", args: "NETWORK CONTAINER", short: "Connect a container to a network", min: 2, max: 2,
	setup: func(flags *pflag.FlagSet) action {
		aliases := flags.StringArray("alias", nil, "another name on the network (may be repeated)")
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[1])
			if err != nil {
				return err
			}
			return ctr.Connect(ctx, container.Endpoint{Network: args[0], Aliases: *aliases})
		}
	},
}

var networkDisconnectCommand = command{
	name: "network disconnect", args: "NETWORK CONTAINER", short: "Disconnect a container from a network", min: 2, max: 2,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[1])
			if err != nil {
				return err
			}
			return ctr.Disconnect(ctx, args[0])
		}
	},
}
