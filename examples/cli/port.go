package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

var portCommand = command{
	name: "port", args: "CONTAINER [PORT[/PROTOCOL]]", short: "List the published ports of a container, or where one of them is", min: 1, max: 2,
	example: "port web 80",
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			info, err := ctr.Inspect(ctx)
			if err != nil {
				return err
			}
			if len(args) == 1 || args[1] == "" {
				for _, b := range info.Ports {
					fmt.Fprintf(c.out, "%d/%s -> %s\n", b.Container, b.Protocol, b.Host)
				}
				return nil
			}
			number, protocol, has := strings.Cut(args[1], "/")
			if !has {
				protocol = "tcp"
			}
			found := false
			for _, b := range info.Ports {
				if fmt.Sprint(b.Container) == number && b.Protocol == protocol {
					fmt.Fprintln(c.out, b.Host)
					found = true
				}
			}
			if !found {
				return fmt.Errorf("no public port '%s/%s' published for %s", number, protocol, args[0])
			}
			return nil
		}
	},
}
