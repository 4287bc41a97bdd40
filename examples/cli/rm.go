package main

import (
	"context"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var rmCommand = command{
	name: "rm", args: "CONTAINER [CONTAINER...]", short: "Remove containers", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		var o container.RemoveOptions
		flags.BoolVarP(&o.Force, "force", "f", false, "kill a running container first")
		flags.BoolP("volumes", "v", false, "accepted for compatibility with Docker: anonymous volumes are always removed")
		return func(ctx context.Context, c *cli, args []string) error {
			return c.each(args, func(arg string) (string, error) {
				ctr, err := c.container(ctx, arg)
				if err == nil {
					err = ctr.Remove(ctx, o)
				}
				return c.absent(o.Force, arg, err)
			})
		}
	},
}
