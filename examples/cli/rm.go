package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var rmCommand = command{
	name: "rm", args: "CONTAINER [CONTAINER...]", short: "Remove containers", min: 1, max: -1,
	example: "rm -f web db",
	setup: func(flags *pflag.FlagSet) action {
		var o container.RemoveOptions
		flags.BoolVarP(&o.Force, "force", "f", false, "kill a running container first")
		flags.BoolP("volumes", "v", false, "accepted for compatibility with Docker: anonymous volumes are always removed")
		link := flags.BoolP("link", "l", false, "not supported: there are no links")
		_ = flags.MarkHidden("link")
		return func(ctx context.Context, c *cli, args []string) error {
			if *link {
				return fmt.Errorf("--link %s: there are no links to remove: containers find each other by name on a network", args[0])
			}
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
