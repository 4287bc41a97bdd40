package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var logsCommand = command{
	name: "logs", args: "CONTAINER", short: "Print what a container has written", min: 1, max: 1,
	setup: func(flags *pflag.FlagSet) action {
		follow := flags.BoolP("follow", "f", false, "go on until the container has ended")
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			return ctr.Logs(ctx, container.LogsOptions{Stdout: c.out, Stderr: c.err, Follow: *follow})
		}
	},
}
