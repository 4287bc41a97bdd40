package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"
)

var diffCommand = command{
	name: "diff", args: "CONTAINER", short: "List the files that a container has changed", min: 1, max: 1,
	setup: func(*pflag.FlagSet) action {
		return func(ctx context.Context, c *cli, args []string) error {
			ctr, err := c.container(ctx, args[0])
			if err != nil {
				return err
			}
			changes, err := ctr.Diff(ctx)
			for _, ch := range changes {
				fmt.Fprintln(c.out, ch.Kind, ch.Path)
			}
			return err
		}
	},
}
