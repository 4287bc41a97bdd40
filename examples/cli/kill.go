package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var killCommand = command{
	name: "kill", args: "CONTAINER [CONTAINER...]", short: "Send a signal to running containers", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		signal := flags.StringP("signal", "s", "", "signal by name or number (default SIGKILL)")
		return func(ctx context.Context, c *cli, args []string) error {
			return c.eachContainer(ctx, args, func(ctr *container.Container) error { return ctr.Kill(ctx, *signal) })
		}
	},
}
