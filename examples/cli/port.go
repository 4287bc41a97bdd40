package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var portCommand = command{
	name: "port", args: "CONTAINER", short: "List the published ports of a container", min: 1, max: 1,
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
			for _, b := range info.Ports {
				fmt.Fprintf(c.out, "%d/%s -> %s\n", b.Container, b.Protocol, b.Host)
			}
			return nil
		}
	},
}

// portsText is ps's column.
func portsText(ports []container.PortBinding) string {
	var list []string
	for _, b := range ports {
		list = append(list, fmt.Sprintf("%s->%d/%s", b.Host, b.Container, b.Protocol))
	}
	return strings.Join(list, ", ")
}
