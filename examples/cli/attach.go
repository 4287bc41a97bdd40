package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/caisson-dev/caisson/container"
)

var attachCommand = command{
	name: "attach", args: "CONTAINER", short: "Connect to a running container's streams", min: 1, max: 1,
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
			if info.State != container.StateRunning {
				return fmt.Errorf("container %s is %s: start it first", args[0], info.State)
			}
			attached, err := c.attach(context.WithoutCancel(ctx), ctr, info.Options.Stdin)
			if err != nil {
				return err
			}
			defer attached.Close()
			return c.stay(ctx, ctr, attached)
		}
	},
}
