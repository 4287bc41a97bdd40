package main

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var startCommand = command{
	name: "start", args: "CONTAINER [CONTAINER...]", short: "Start stopped containers", min: 1, max: -1,
	setup: func(flags *pflag.FlagSet) action {
		attach := flags.BoolP("attach", "a", false, "write the container's output here, forward signals, and end with its code")
		return func(ctx context.Context, c *cli, args []string) error {
			if !*attach {
				return c.eachContainer(ctx, args, func(ctr *container.Container) error { return ctr.Start(ctx) })
			}
			if len(args) > 1 {
				return errors.New("you cannot start and attach multiple containers at once")
			}
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			info, err := ctr.Inspect(ctx)
			if err != nil {
				return err
			}
			_, err = c.foreground(ctx, ctr, streams{tty: info.Options.TTY, proxy: !info.Options.TTY})
			return runError(err, 1)
		}
	},
}
